"""The seam for whatever says whether a proof is one."""

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
    """On what terms Lean is asked: within which bounds, what a text may use, and who goes first where several wait."""

    limits: Limits = field(default_factory=Limits)
    policy: Policy = field(default_factory=Policy)
    priority: Priority = Priority.INTERACTIVE


DEFAULT_TERMS = Terms()


class Checker(Protocol):
    """Checks candidate proofs: `WorkerPool`, the isolated checker that it lends, and what wraps them (records, caches)."""

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """Say whether `candidate` proves `theorem`. Cancelling the caller's task stops the check in Lean.

        Raises:
            PoolBusyError: too many checks wait already; try again later.
            ValueError: a limit is out of range.
        """
        ...


class Lean(Checker, Protocol):
    """Whatever else may be asked of Lean about a theorem: `WorkerPool`, and what one client sees of it (`Client`)."""

    @property
    def size(self) -> int:
        """Most checks at once."""
        ...

    async def elaborate(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> "Elaboration":
        """The statement alone. Raises as `check`."""
        ...

    async def goals(
        self, theorem: Theorem, text: str, terms: Terms = DEFAULT_TERMS, mode: Mode = Mode.PROOF
    ) -> "SorryGoals":
        """The goals at each `sorry` of a proof, or of declarations (`Mode.FILE`). Raises as `check`."""
        ...

    async def tactic(
        self, theorem: Theorem, script: Sequence[str], step: str, terms: Terms = DEFAULT_TERMS
    ) -> "TacticStep":
        """The goals after the tactic block `step`, run after the blocks of `script`. Raises as `check`."""
        ...

    async def steps(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> "ProofSteps":
        """The steps of a proof, with the goals around each. Raises as `check`."""
        ...

    async def names(self, theorem: Theorem, terms: Terms = DEFAULT_TERMS) -> "tuple[Named, ...]":
        """What header and context of a theorem declare.

        Raises:
            NoAnswerError: the look-up came to nothing.
        """
        ...
