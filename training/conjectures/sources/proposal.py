"""A statement that may become a theorem of the corpus, with what is known of how it may be proved."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Protocol

from prover.sampling.plans.statement import Statement
from training.corpus.record import TheoremRecord


@dataclass(frozen=True, slots=True)
class ProposedTheorem:
    """A conjecture before any filter has seen it.

    Attributes:
        made_by: mutations, first to last, or what else made it.
        kind: of theorems that the same recipes prove (`training.conjectures.experience`).
        proofs: candidates of its own, likeliest first.
        inhabited: whether its hypotheses are known to hold together.
        lemmas: library theorems of which it may be a mere instance.
    """

    record: TheoremRecord
    made_by: tuple[str, ...]
    kind: str
    proofs: tuple[str, ...] = ()
    inhabited: bool = False
    lemmas: tuple[str, ...] = ()


class Source(Protocol):
    """Proposes statements; the same random numbers give the same statement."""

    def propose(self, random: Random) -> ProposedTheorem | None:
        """The next one; None if this source has nothing more."""
        ...


def record_of(statement: Statement, source: str, made_by: Sequence[str], family: str) -> TheoremRecord:
    """A conjecture as a record, under a name that says nothing."""
    digest = hashlib.sha256(statement.text("_").encode()).hexdigest()[:12]
    name = f"conj_{digest}"
    return TheoremRecord(
        name=name,
        statement=statement.text(name),
        source=f"{source}: {', '.join(made_by)}",
        family=family,
    )
