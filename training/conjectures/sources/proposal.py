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
        kind: kind of theorem for choosing recipes (`training.conjectures.experience`).
        proofs: its own candidate proofs, likeliest first.
        inhabited: whether its hypotheses are known to be consistent.
        lemmas: library theorems of which it may be an instance.
    """

    record: TheoremRecord
    made_by: tuple[str, ...]
    kind: str
    proofs: tuple[str, ...] = ()
    inhabited: bool = False
    lemmas: tuple[str, ...] = ()


class Source(Protocol):
    """Proposes statements; equal random numbers give equal statements."""

    def propose(self, random: Random) -> ProposedTheorem | None:
        """Return the next statement; None if the source is exhausted."""
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
