"""A statement proposed for the corpus, with candidate proofs."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from prover.sampling.plans.statement import Statement
from training.corpus.record import TheoremRecord


@dataclass(frozen=True, slots=True)
class ProposedTheorem:
    """A conjecture before the filters.

    Attributes:
        made_by: mutations, first to last, or another origin.
        arm: what it was drawn from, one of its source's arms.
        kind: kind of theorem for choosing recipes (`training.conjectures.experience`).
        proofs: its own candidate proofs, likeliest first.
        inhabited: whether its hypotheses are known to be consistent.
        lemmas: library theorems of which it may be an instance.
    """

    record: TheoremRecord
    made_by: tuple[str, ...]
    arm: str
    kind: str
    proofs: tuple[str, ...] = ()
    inhabited: bool = False
    lemmas: tuple[str, ...] = ()


class Source(Protocol):
    """Proposes statements; equal random numbers give equal statements."""

    @property
    def arms(self) -> Sequence[str]:
        """Names of what it can draw from, `family/variant` or `family`, for `training.conjectures.bandit`."""
        ...

    def propose(self, arm: str, random: Random) -> ProposedTheorem | None:
        """Return the next statement of an arm; None if the arm is exhausted."""
        ...


def record_of(statement: Statement, source: str, made_by: Sequence[str], family: str) -> TheoremRecord:
    """Return a conjecture as a record, under a name without meaning."""
    digest = hashlib.sha256(statement.text("_").encode()).hexdigest()[:12]
    name = f"conj_{digest}"
    return TheoremRecord(
        name=name,
        statement=statement.text(name),
        source=f"{source}: {', '.join(made_by)}",
        family=family,
    )
