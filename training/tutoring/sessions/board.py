"""Answers of Lean and the tutor on one theorem's partial proofs, shared by all sessions on it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.options import CheckOptions
from prover.tutor.guidance import Guidance
from prover.tutor.hints import GivenHint, Hint, Level, Tutored, Tutoring
from prover.tutor.proofs.moves import ProofMove
from prover.tutor.proofs.reading import ProofReader, Reading
from prover.tutor.proofs.routes import Cases, Guide
from prover.tutor.tutor import Tutor
from prover.tutor.wording.vetoes import fragments
from training.corpus.proofs import ProvedTheorem
from training.tutoring.sessions.remembered import SEARCH_SECONDS, RememberedAnswers, RememberedLean, RememberedSearch

# For one question: limits of its searches end it, so that answers do not depend on the machine's speed.
_SECONDS = 20.0
_LEFT_BY_READER = re.compile(r"\n *all_goals sorry$", re.MULTILINE)


@dataclass
class Board:
    """A theorem with its known proofs."""

    case: ProvedTheorem
    lean: RememberedLean
    search: RememberedSearch
    answers: RememberedAnswers
    terms: Terms
    options: CheckOptions = field(default_factory=CheckOptions)

    def __post_init__(self) -> None:
        self.theorem = self.case.theorem.theorem
        self._reader = ProofReader(self.lean, self.theorem, self.terms)
        self._readings: dict[str, Reading] = {}
        self._right: dict[str, tuple[ProofMove, ...]] = {}
        self._given: dict[object, tuple[Tutored, float]] = {}
        self.length = 0

    async def read(self, text: str) -> Reading:
        """Return how far a partial proof holds."""
        if text not in self._readings:
            self._readings[text] = await self._reader.read(text)
        return self._readings[text]

    async def right(self, text: str, reading: Reading) -> tuple[ProofMove, ...]:
        """Return the next steps of verified proofs from there, the most readable proofs first."""
        if text not in self._right:
            guide = Guide(self.lean, self.search.prove, self.theorem, self.terms, self.options, Cases())
            known = await guide.verified(self.case.proofs)
            self.length = self.length or min((len(one.moves) for one in known), default=1)
            found = await guide.routes(reading, known, (), SEARCH_SECONDS)
            self._right[text] = tuple({route.next.text: route.next for route in found}.values())
        return self._right[text]

    async def hint(self, text: str, earlier: Sequence[GivenHint], guidance: Guidance) -> tuple[Tutored, float]:
        """Return the tutor's answer, and the seconds that it took, or would have taken without cached answers."""
        request = Tutoring(self.theorem, text, tuple(earlier), self.case.proofs, seconds=_SECONDS, check=self.options)
        self.answers.seconds = 0.0
        answer = await Tutor(self.lean, self.search, request, self.terms, Cases()).answer(guidance)
        return answer, self.answers.seconds

    async def leaks(self, reading: Reading, hint: Hint) -> bool:
        """Whether the kernel accepts code in a hint below the last level as the rest of the proof: a check that the tutor does not make."""
        if hint.level is Level.FULL_STEP:
            return False
        for code in fragments(hint.text):
            if "…" not in code:
                whole = written(reading, code)
                if (await self.lean.check(self.theorem, Candidate(whole), self.terms)).verified:
                    return True
        return False


def written(reading: Reading, step: str) -> str:
    """Return a partial proof with a step inserted at its place; other open places stay open."""
    column = len(reading.before) - (reading.before.rfind("\n") + 1)
    text = reading.before + step.replace("\n", "\n" + " " * column) + reading.after
    return _LEFT_BY_READER.sub("", text)
