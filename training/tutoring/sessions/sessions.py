"""Sessions on one theorem after another, with one Lean for all."""

import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Protocol

from prover.assistance.disprove import Refuter
from prover.lean.checker import Terms
from prover.options import CheckOptions
from prover.tutor.guidance import Guidance
from prover.tutor.tutor import LeanInspector
from training.corpus.proofs import ProvedTheorem
from training.tutoring.learners.learners import Learner
from training.tutoring.sessions.board import Board
from training.tutoring.sessions.dialogue import Dialogue, Help
from training.tutoring.sessions.remembered import RememberedAnswers, RememberedLean, RememberedSearch
from training.tutoring.sessions.session import LearningSession


class TermsRefuter(Refuter, Protocol):
    """Searches and refutes, and resolves the terms of questions to Lean."""

    @property
    def terms(self) -> Callable[[CheckOptions, str], Terms]:
        """Resolve options to terms, for a project."""
        ...


class TutoringLean(Protocol):
    """An engine that answers the tutor's questions."""

    def questions(self) -> contextlib.AbstractAsyncContextManager[tuple[LeanInspector, TermsRefuter]]:
        """See `Engine.questions`."""
        ...


class SessionEnvironment:
    """The environment of sessions: Lean, and its cached answers."""

    def __init__(self, engine: TutoringLean, folder: Path) -> None:
        """Use the engine for answers missing in `folder`, and store them there."""
        self._engine = engine
        self._folder = folder

    @contextlib.asynccontextmanager
    async def board(self, case: ProvedTheorem) -> AsyncIterator[Board]:
        """Return the board of a theorem.

        Raises:
            JournalError: another process uses it.
        """
        path = self._folder / f"{case.theorem.theorem.digest[:24]}.jsonl"
        with RememberedAnswers(path) as answers:
            async with self._engine.questions() as (lean, refuter):
                terms = refuter.terms(CheckOptions(), case.theorem.theorem.project)
                yield Board(case, RememberedLean(lean, answers), RememberedSearch(refuter, answers), answers, terms)


async def hold(
    board: Board, learners: Sequence[Learner], help: Help, guidance: Guidance | None, seed: int
) -> tuple[Dialogue, list[float]]:
    """Hold a session; also returns the duration of each answer of the tutor in seconds."""
    session = LearningSession(board, learners, help, guidance, seed)
    dialogue = await session.run()
    return dialogue, session.seconds
