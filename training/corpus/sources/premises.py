"""Adds suggested library theorems to a corpus, for prompts that show them; never the theorem itself."""

import contextlib
from collections.abc import Callable, Sequence
from pathlib import Path

from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.lean.workers.jobs import Priority
from prover.sampling.portfolio.premises import PremiseFinder
from prover.sampling.prompt import PremisesFormat
from prover.theorem import Theorem
from prover.verdict import Limits
from training.corpus.proofs import ProvedTheorem, read_proofs
from training.corpus.record import TheoremRecord, read_corpus

Row = TheoremRecord | ProvedTheorem

_REPORTED = 100
_LIMITS = Limits(seconds=10.0)


def read_rows(path: Path) -> Sequence[Row]:
    """Read a file of theorems, or of theorems with proofs.

    Raises:
        ValueError: it contains neither; the text names the line and the reason.
    """
    with contextlib.suppress(ValueError):
        return read_proofs(path)
    return read_corpus(path)


def record_of(row: Row) -> TheoremRecord:
    """Return the theorem of a row."""
    return row if isinstance(row, TheoremRecord) else row.theorem


async def with_premises(
    rows: Sequence[Row],
    finder: PremiseFinder,
    checker: Checker,
    most: int = PremisesFormat.most,
    report: Callable[[str], None] = print,
) -> list[Row]:
    """Return the rows, each theorem with at most `most` suggested names.

    For a library theorem, names that its guard forbids are left out: the theorem itself, theorems of the same type, and later
    declarations. Lean decides this with the check that it applies to proofs.
    """
    found: list[Row] = []
    for number, row in enumerate(rows, start=1):
        record = record_of(row)
        names = await finder.premises(record.theorem, 2 * most if record.guard else most)
        allowed = [name for name in names if await _allowed(record, name, checker)][:most]
        informed = record.model_copy(update={"suggested": tuple(allowed)})
        found.append(informed if isinstance(row, TheoremRecord) else row.model_copy(update={"theorem": informed}))
        if number % _REPORTED == 0 or number == len(rows):
            report(f"{number}/{len(rows)} theorems")
    return found


async def _allowed(record: TheoremRecord, name: str, checker: Checker) -> bool:
    """Return whether a proof of the theorem may use `name`."""
    if not record.guard:
        return True
    # A trivial proof that uses the name: only the guard can reject it.
    probe = Theorem("theorem probe : True", record.theorem.header)
    candidate = Candidate(f"by\n  have fact := @{name}\n  exact True.intro", source="premises")
    return (await checker.check(probe, candidate, Terms(_LIMITS, record.policy, Priority.BATCH))).verified
