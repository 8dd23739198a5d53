"""The seam for step-wise proving: a goal, a tactic, the goals after it. What it proves is checked as a whole afterwards."""

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
    """Where a proof stands.

    Attributes:
        goals: as Lean prints them; none are left when the proof is complete.
        script: the tactic blocks that lead here.
        handle: what a stepper needs to find the state again; None where the script is enough.
    """

    goals: tuple[str, ...]
    script: tuple[str, ...] = ()
    handle: object = None

    @property
    def proof(self) -> str:
        """The script as the beginning of a proof: `by` and below it the tactics."""
        lines = [f"  {line}" for block in self.script for line in block.split("\n")]
        return "\n".join(["by", *lines])


@dataclass(frozen=True, slots=True)
class Step:
    """What came of a tactic: the state after it if it ran, else why it did not."""

    kind: VerdictKind
    state: TacticState | None = None
    messages: tuple[Message, ...] = ()


class StepSession(Protocol):
    """Step-wise proving of one theorem. Steps may be asked for at once; each goes on from the state it is given."""

    async def begin(self) -> Step:
        """The state before any tactic."""
        ...

    async def run(self, state: TacticState, tactic: str) -> Step:
        """Run a tactic block on the first goal of a state. Cancelling the caller's task stops it in Lean."""
        ...


class Stepper(Protocol):
    """Runs single tactics: a Lean worker (`WorkerStepper`), or LeanDojo."""

    def open(self, theorem: Theorem, terms: Terms) -> AbstractAsyncContextManager[StepSession]:
        """Begin with a theorem; what it takes is given back at the end of the context."""
        ...


class TacticRunner(Protocol):
    """What `WorkerStepper` needs of a pool; `WorkerPool` has it."""

    async def elaborate(self, theorem: Theorem, terms: Terms = ...) -> Elaboration:
        """The goal of the statement alone."""
        ...

    async def tactic(self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = ...) -> TacticStep:
        """The goals after `step`, run after the blocks of `script`."""
        ...


class WorkerStepper:
    """Steps in the workers that also check. They keep no state: each step runs the script before it again."""

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
