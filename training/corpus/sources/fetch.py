"""Rebuilds the competition corpus from its public sources.

1. Download Lean Workbook and miniF2F from the Hugging Face hub.
2. Replace `ℕ` and `ℤ` by core Lean's names, and drop duplicates.
3. Keep statements that elaborate in core Lean with `import Init`, `import Std`.
4. Keep held-out theorems out of training: drop those whose outline occurs in a held-out file.

Step 3 takes hours for all of Lean Workbook. Answers are appended to a journal, so that an interrupted run can resume.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prover.concurrency.tasks import for_each
from prover.theorem import Theorem
from training.corpus.dedupe import deduplicate
from training.corpus.held_out import without_leaks
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord
from training.corpus.rewrite import rewrite_for_core
from training.corpus.sources.huggingface import LEAN_WORKBOOK, LEAN_WORKBOOK_FILE, Loaded, load_theorems
from training.journal import Journal

Elaborates = Callable[[Theorem], Awaitable[bool]]
"""Whether a theorem's statement elaborates, according to the Lean pool."""


@dataclass(frozen=True, slots=True)
class PublicDataset:
    """A public data set.

    Attributes:
        path: its name on the hub, or a local folder.
        output: name of the JSONL file for its theorems, without suffix.
        held_out: whether it is excluded from training; its outlines are removed from all other outputs.
        licence: licence of the data.
        data_files: files to read, if it has several formats of the same data.
    """

    path: str
    split: str
    output: str
    held_out: bool
    licence: str
    data_files: str | None = None


SOURCES = (
    PublicDataset(LEAN_WORKBOOK, "train", "workbook", False, "Apache-2.0", LEAN_WORKBOOK_FILE),
    PublicDataset("HaimingW/miniF2F-lean4", "valid", "minif2f_valid", True, "Apache-2.0"),
    PublicDataset("HaimingW/miniF2F-lean4", "test", "minif2f_test", True, "Apache-2.0"),
)


async def fetch(
    folder: Path,
    elaborates: Elaborates,
    sources: Sequence[PublicDataset] = SOURCES,
    concurrency: int = 2,
    report: Callable[[str], None] = print,
) -> dict[str, int]:
    """Write one JSONL file per output into `folder`; returns the number of theorems in each.

    Args:
        concurrency: number of statements elaborated concurrently.
        report: receives lines of progress.
    """
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    held_out: list[TheoremRecord] = []
    written: dict[str, int] = {}
    for source in sorted(sources, key=lambda source: not source.held_out):
        loaded = load_theorems(source.path, source.split, data_files=source.data_files)
        candidates = _prepare(loaded, source, report)
        if not source.held_out:
            candidates = without_leaks(candidates, held_out)
        elaborated = await keep_what_elaborates(
            candidates, elaborates, folder / f"{source.output}.journal", concurrency, report
        )
        held_out += elaborated if source.held_out else []
        written[source.output] = write_jsonl(folder / f"{source.output}.jsonl", elaborated)
        report(
            f"{source.output}: {len(elaborated)} of {len(candidates)} statements elaborate; licence {source.licence}"
        )
    return written


def _prepare(loaded: Loaded, source: PublicDataset, report: Callable[[str], None]) -> list[TheoremRecord]:
    for number, reason in loaded.skipped[:3]:
        report(f"{source.path} row {number} skipped: {reason}")
    if len(loaded.skipped) > 3:
        report(f"{source.path}: {len(loaded.skipped)} rows skipped in all")
    records = deduplicate(map(rewrite_for_core, loaded.records))
    return list({record.name: record for record in reversed(records)}.values())[::-1]


async def keep_what_elaborates(
    records: Sequence[TheoremRecord],
    elaborates: Elaborates,
    journal: Path,
    concurrency: int,
    report: Callable[[str], None],
) -> list[TheoremRecord]:
    """Return the records whose statements elaborate, in order; answers in the journal are reused."""
    with Journal(journal) as lines:
        answers: dict[str, bool] = dict(json.loads(line) for _, line in lines.lines())

        async def elaborate(record: TheoremRecord) -> None:
            digest = record.theorem.digest
            answers[digest] = await elaborates(record.theorem)
            lines.append(json.dumps([digest, answers[digest]]))
            if len(answers) % 500 == 0:
                report(f"{journal.stem}: {len(answers)} of {len(records)} statements checked")

        waiting = [record for record in records if record.theorem.digest not in answers]
        await for_each(waiting, elaborate, concurrency)
    return [record for record in records if answers[record.theorem.digest]]
