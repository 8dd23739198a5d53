"""Interface of everything that decides whether a candidate proves a theorem."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from prover.candidate import Candidate
from prover.lean.workers.jobs import Priority
from prover.theorem import Theorem
from prover.verdict import Limits, Mode, Policy, Verdict

if TYPE_CHECKING:
    from prover.lean.wire.answers import Elaboration, Named, ProofSteps, SorryGoals, TacticStep


@dataclass(frozen=True, slots=True)
class Terms:
    """Resolved terms of a question to Lean: limits, policy and priority."""

    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    priority: Priority = Priority.INTERACTIVE


DEFAULT_TERMS = Terms()


class Checker(Protocol):
    """Checks candidate proofs. Implementations: `WorkerPool`, its isolated checkers, and wrappers (records, caches)."""

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """Decide whether `candidate` proves `theorem`. Cancelling the caller's task stops the check in Lean.

        Raises:
            PoolBusyError: the queue is full; try again later.
            ValueError: a limit is out of range.
        """
        ...


class Lean(Checker, Protocol):
    """Questions to Lean about a theorem other than checks. Implementations: `WorkerPool` and `PoolClient`."""

    @property
    def size(self) -> int:
        """Maximum number of concurrent checks."""
        ...

    async def elaborate(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> "Elaboration":
        """Elaborate the statement alone. Raises as `check`."""
        ...

    async def goals(
        self, theorem: Theorem, text: str, terms: Terms = DEFAULT_TERMS, mode: Mode = Mode.PROOF
    ) -> "SorryGoals":
        """Return the goals at each `sorry` of a proof, or of declarations (`Mode.FILE`). Raises as `check`."""
        ...

    async def tactic(
        self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = DEFAULT_TERMS
    ) -> "TacticStep":
        """Run the tactic block `step` after the blocks of `script` and return the goals. Raises as `check`."""
        ...

    async def steps(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> "ProofSteps":
        """Return the steps of a proof with the goals before and after each. Raises as `check`."""
        ...

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> "tuple[Named, ...]":
        """Return the declarations of a theorem's header and context.

        Raises:
            NoAnswerError: Lean gave no answer.
        """
        ...
