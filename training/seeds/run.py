"""The search over a corpus: in parallel, one line per theorem, resumable."""

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prover.concurrency.tasks import for_each
from prover.lean.checker import Checker
from prover.lean.workers.lean_pool import LeanPool
from prover.search.tactics.scripts.partial import GoalReader
from training.corpus.jsonl import read_jsonl, write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.journal import Journal, JournalError
from training.progress import ProgressReporter
from training.rollouts.verdicts import VerdictCache, checker_version
from training.seeds.questions import SeedBudget, SeedEnding
from training.seeds.search import find_proofs

_AT_LEAST = (1, 2, 5, 10)


class SeedRecord(BaseModel):
    """Results for one theorem; one JSON object per line."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    theorem: TheoremRecord
    """The theorem."""
    proofs: tuple[str, ...] = ()
    """Texts after `:=`; each verified, no two equal."""
    origins: tuple[str, ...] = ()
    """Origin of each proof."""
    ending: SeedEnding
    """Reason why the search ended."""
    requests: int = Field(ge=0)
    """Number of questions to Lean."""
    seconds: float = Field(ge=0)
    """Wall-clock time in seconds."""


class Statistics(BaseModel):
    """Statistics of different proofs."""

    model_config = ConfigDict(frozen=True, use_attribute_docstrings=True)

    theorems: int
    """Number of theorems searched."""
    at_least: dict[int, int]
    """For 1, 2, 5, 10: number of theorems with that many different proofs."""
    proofs: int
    """Total number of proofs."""
    origins: dict[str, int]
    """Number of proofs by origin."""
    endings: dict[str, int]
    """Number of theorems by ending of their search."""
    requests: int
    """Number of questions to Lean."""

    @property
    def text(self) -> str:
        """Return the statistics in a few lines."""
        share = [f"{count} ({count / max(1, self.theorems):.0%}) ≥ {least}" for least, count in self.at_least.items()]
        lists = [", ".join(f"{count} {name}" for name, count in each.items()) for each in (self.origins, self.endings)]
        return (
            f"{self.theorems} theorems, with distinct proofs: {', '.join(share)}\n"
            f"{self.proofs} proofs ({lists[0] or 'none'}) for {self.requests} requests; searches ended: {lists[1] or 'none'}"
        )


def statistics(results: Iterable[SeedRecord]) -> Statistics:
    """Compute the statistics."""
    rows = list(results)
    return Statistics(
        theorems=len(rows),
        at_least={least: sum(len(row.proofs) >= least for row in rows) for least in _AT_LEAST},
        proofs=sum(len(row.proofs) for row in rows),
        origins=dict(Counter(origin for row in rows for origin in row.origins).most_common()),
        endings=dict(Counter(row.ending.value for row in rows).most_common()),
        requests=sum(row.requests for row in rows),
    )


def read_seeds(path: Path) -> list[SeedRecord]:
    """Read the output of a search.

    Raises:
        ValueError: a line is invalid; the text names it and the reason.
    """
    return [row for _, row in read_jsonl(path, SeedRecord)]


def write_proved(seeds: Path, proved: Path) -> int:
    """Write the theorems with proofs as a file for fine-tuning; returns their number."""
    rows = (row for row in read_seeds(seeds) if row.proofs)
    return write_jsonl(proved, (ProvedTheorem(theorem=row.theorem, proofs=row.proofs) for row in rows))


async def search_corpus(
    pool: LeanPool,
    records: Sequence[TheoremRecord],
    out: Path,
    budget: SeedBudget,
    cache: Path | None = None,
    report: Callable[[str], None] = print,
) -> Statistics:
    """Search proofs of every theorem on a started pool; `out` gets one line per theorem, and theorems in it are not
    searched again.

    Args:
        cache: file of verdicts, shared with other runs.
        report: receives lines of progress.

    Raises:
        JournalError: a file has other content, or another process writes to it.
        InfrastructureError: Lean stopped answering; earlier results are in `out`.
        PoolUnavailableError: no worker can be started.
    """
    version = await checker_version(pool)
    with contextlib.ExitStack() as files:
        checker: Checker = pool
        if cache is not None:
            checker = files.enter_context(VerdictCache(pool, cache, version))
        journal = files.enter_context(Journal(out))
        return await search_into(journal, pool, checker, records, budget, pool.size, report)


async def search_into(
    journal: Journal,
    lean: GoalReader,
    checker: Checker,
    records: Sequence[TheoremRecord],
    budget: SeedBudget,
    concurrency: int,
    report: Callable[[str], None] = print,
) -> Statistics:
    """Search as `search_corpus` does, with the given journal and sources of goals and verdicts."""
    results = {_key(row.theorem): row for row in _earlier(journal)}
    wanted = [_key(record) for record in records]
    waiting = [record for record, key in zip(records, wanted, strict=True) if key not in results]
    tally = _Tally(len(set(wanted) - results.keys()), report)

    async def search(record: TheoremRecord) -> None:
        found = await find_proofs(lean, checker, record, budget)
        row = SeedRecord(
            theorem=record,
            proofs=found.proofs,
            origins=found.origins,
            ending=found.ending,
            requests=found.requests,
            seconds=round(found.seconds, 2),
        )
        journal.append(row.model_dump_json())
        results[_key(record)] = row
        tally.count(row)

    await for_each(waiting, search, concurrency)
    return statistics(results[key] for key in dict.fromkeys(wanted))


def _earlier(journal: Journal) -> Iterable[SeedRecord]:
    for number, line in journal.lines():
        try:
            yield SeedRecord.model_validate_json(line)
        except ValidationError:
            raise JournalError(
                f"{journal.path}:{number}: this is not a line of a seed search; name another file."
            ) from None


def _key(record: TheoremRecord) -> tuple[str, str]:
    return record.theorem.digest, record.guard


class _Tally:
    """Counts the results for theorems, and reports them."""

    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        self._progress = ProgressReporter(total, "theorems", report)
        self._solved = self._proofs = 0

    def count(self, row: SeedRecord) -> None:
        self._solved += bool(row.proofs)
        self._proofs += len(row.proofs)
        self._progress.advance(lambda: f"{self._solved} proved, {self._proofs} proofs")
