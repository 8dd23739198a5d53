"""Theorems of an imported library as a corpus: each is to be proved anew, without itself and what comes after it."""

from collections.abc import Callable, Sequence

from prover.lean import library
from prover.lean.workers.lean_pool import LeanPool
from prover.theorem import Header
from training.corpus.dedupe import deduplicate
from training.corpus.record import TheoremRecord, statement_name


async def library_theorems(
    pool: LeanPool,
    patterns: Sequence[str],
    header: Header | None = None,
    report: Callable[[str], None] = print,
) -> list[TheoremRecord]:
    """The theorems of the imported modules whose names fit one of the shell patterns (`Std.Data.*`), without repetitions.

    Each keeps its name in the library as `guard`, and its module as `family`, so that a split parts modules.

    Args:
        header: what to import; by default `Init` and `Std`.
        report: takes a line of progress.

    Raises:
        ValueError: no imported module fits.
        NoAnswerError: Lean could not list them.
    """
    modules = await library.modules(pool, tuple(patterns), header)
    if not modules:
        raise ValueError(f"No imported module is called like {' or '.join(patterns)}.")
    records: dict[str, TheoremRecord] = {}
    skipped = 0
    for number, module in enumerate(modules, start=1):
        async for listed in library.theorems(pool, module, header):
            try:
                record = _record(listed, header)
                records.setdefault(record.name, record)
            except ValueError:  # a name or notation that a record cannot hold, such as «a b»
                skipped += 1
        report(f"{number}/{len(modules)} modules, {len(records)} theorems, {skipped} skipped; {module}")
    return deduplicate(records.values())


def _record(listed: library.Listed, header: Header | None) -> TheoremRecord:
    statement = listed.theorem.statement
    return TheoremRecord(
        name=statement_name(statement),
        statement=statement,
        header="" if header is None else header.text,
        source=f"library {listed.module.partition('.')[0]}",
        family=listed.module,
        guard=listed.theorem.name,
    )
