"""Interface for stepwise proving: a goal, a tactic, the resulting goals.

The finished proof is checked as a whole afterwards.
"""

import contextlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from prover.lean.checker import Terms
from prover.lean.wire.answers import Elaboration, TacticStep
from prover.theorem import Theorem
from prover.verdict import Message, VerdictKind


@dataclass(frozen=True, slots=True)
class TacticState:
    """A state of a proof in progress.

    Attributes:
        goals: open goals as Lean prints them; empty when the proof is complete.
        script: tactic blocks that lead to this state.
        handle: the stepper's own reference to the state; None if the script suffices.
    """

    goals: tuple[str, ...]
    script: tuple[str, ...] = ()
    handle: object = None

    @property
    def proof(self) -> str:
        """Return the script as the beginning of a proof: `by` with the tactics below it."""
        lines = [f"  {line}" for block in self.script for line in block.split("\n")]
        return "\n".join(["by", *lines])


@dataclass(frozen=True, slots=True)
class Step:
    """The result of a tactic: the new state if it ran, otherwise the error."""

    kind: VerdictKind
    state: TacticState | None = None
    messages: tuple[Message, ...] = ()


class StepSession(Protocol):
    """Stepwise proving of one theorem. Steps may run concurrently; each continues from the state it is given."""

    async def begin(self) -> Step:
        """Return the state before any tactic."""
        ...

    async def run(self, state: TacticState, tactic: str) -> Step:
        """Run a tactic block on the first goal of a state. Cancelling the caller's task stops the tactic in Lean."""
        ...


class Stepper(Protocol):
    """Runs single tactics. Implementations: a Lean worker (`WorkerStepper`) and LeanDojo."""

    def open(self, theorem: Theorem, terms: Terms) -> AbstractAsyncContextManager[StepSession]:
        """Open a session for a theorem; its resources are released at the end of the context."""
        ...


class TacticRunner(Protocol):
    """The part of a pool's interface that `WorkerStepper` uses; `WorkerPool` implements it."""

    async def elaborate(self, theorem: Theorem, terms: Terms = ...) -> Elaboration:
        """Elaborate the statement and return its goal."""
        ...

    async def tactic(self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = ...) -> TacticStep:
        """Run the blocks of `script`, then `step`, and return the resulting goals."""
        ...


class WorkerStepper:
    """A stepper on the workers that also check. Workers keep no state: each step runs the preceding script again."""

    def __init__(self, runner: TacticRunner) -> None:
        self._runner = runner

    @contextlib.asynccontextmanager
    async def open(self, theorem: Theorem, terms: Terms) -> AsyncGenerator[StepSession, None]:
        """See `Stepper.open`."""
        yield _WorkerSession(self._runner, theorem, terms)


@dataclass(frozen=True, slots=True)
class _WorkerSession:
    runner: TacticRunner
    theorem: Theorem
    terms: Terms

    async def begin(self) -> Step:
        answer = await self.runner.elaborate(self.theorem, self.terms)
        state = TacticState((answer.goal,)) if answer.verdict is VerdictKind.VERIFIED else None
        return Step(answer.verdict, state, answer.messages)

    async def run(self, state: TacticState, tactic: str) -> Step:
        answer = await self.runner.tactic(self.theorem, state.script, tactic, self.terms)
        ran = answer.verdict is VerdictKind.VERIFIED
        after = TacticState(answer.goals, (*state.script, tactic)) if ran else None
        return Step(answer.verdict, after, answer.messages)
