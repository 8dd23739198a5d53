"""Theorems of an imported library as a corpus: each is to be proved anew, without itself and later theorems."""

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
    """Return the theorems of the imported modules whose names match one of the shell patterns (`Std.Data.*`), without
    repetitions.

    Each has its library name as `guard` and its module as `family`, so that splits do not divide modules.

    Args:
        header: imports; by default `Init` and `Std`.
        report: receives lines of progress.

    Raises:
        ValueError: no imported module matches.
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
            except ValueError:  # a name or notation that a record cannot represent, such as «a b»
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
