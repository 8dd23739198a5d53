"""Theorems of an imported library as a corpus: each is to be proved anew, without itself and what comes after it."""

from collections.abc import AsyncIterator, Callable, Sequence

from pydantic import ValidationError

from prover.lean import library
from prover.lean.pool import WorkerPool
from prover.theorem import Header
from training.corpus.dedupe import deduplicate
from training.corpus.record import TheoremRecord, statement_name


async def library_theorems(
    pool: WorkerPool,
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
    for number, module in enumerate(modules, start=1):
        async for record in _of_module(pool, module, header):
            records.setdefault(record.name, record)
        report(f"{number}/{len(modules)} modules, {len(records)} theorems; {module}")
    return deduplicate(records.values())


async def _of_module(pool: WorkerPool, module: str, header: Header | None) -> AsyncIterator[TheoremRecord]:
    async for listed in library.theorems(pool, module, header):
        statement = listed.theorem.statement
        try:
            yield TheoremRecord(
                name=statement_name(statement),
                statement=statement,
                header="" if header is None else header.text,
                source=f"library {module.partition('.')[0]}",
                family=module,
                guard=listed.theorem.name,
            )
        except (ValidationError, ValueError):
            continue  # a name or notation that a record cannot hold, such as «a b»; the others will do
