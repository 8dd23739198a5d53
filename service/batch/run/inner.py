"""Holes inside declarations: filled in their files, after the theorems that are searched as batches."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from prover.assistance import fill
from prover.assistance.holes import HoleOutcome, holes_of
from prover.errors import UserError
from prover.options import SearchOptions
from prover.requests import BusyError, Service, UnavailableError
from prover.source import disk
from service.batch.batches import ItemAnswer, ItemOutcome
from service.batch.run import writing
from service.batch.run.folder import BatchRun, Folder
from service.batch.run.inputs import Entry, part_of, path_of
from service.jsonl.rows import Row

_Items = Sequence[tuple[int, Entry]]


async def finish(
    service: Service,
    source: Path,
    folder: Folder,
    run: BatchRun,
    options: SearchOptions,
    project: str,
    answered: Callable[[Row], None],
) -> None:
    """Answer the unanswered holes inside declarations.

    Args:
        source: the file or folder of the batch.
        options: options for each hole.
        project: see `Theorem.project`.
        answered: called with each new line of results.

    Raises:
        UnavailableError: the service cannot be reached.
        UserError: an answer cannot be stored.
    """
    unanswered = sorted(set(range(1, run.items + 1)) - folder.answered)
    by_file: dict[str, list[tuple[int, Entry]]] = {}
    for number, entry in folder.entries(unanswered).items():
        if entry.part is not None:
            by_file.setdefault(entry.family, []).append((number, entry))
    found = writing.proofs(folder, folder.resume()) if by_file else {}
    for name, items in by_file.items():
        path = path_of(source, name)
        while items:
            try:
                await _in_file(service, path, found.get(name, {}), folder, items, options, project, answered)
            except BusyError as error:
                await asyncio.sleep(error.seconds * random.uniform(0.8, 1.2))
            except UnavailableError:
                raise
            except UserError as error:
                for number, entry in items:
                    _answer(folder, number, entry, ItemAnswer("", ItemOutcome.REFUSED, error=str(error)), answered)
            items = [item for item in items if item[0] not in folder.answered]


async def _in_file(
    service: Service,
    path: Path,
    found: writing.Found,
    folder: Folder,
    items: _Items,
    options: SearchOptions,
    project: str,
    answered: Callable[[Row], None],
) -> None:
    """Fill holes of one file, in which the proofs of its other theorems are inserted."""
    file = replace(await asyncio.to_thread(disk.read, path), project=project)
    known = writing.known_in(file, found)
    numbers = {entry.part: (number, entry) for number, entry in items}
    wanted = {}
    for hole in holes_of(file):
        item = None if hole.whole else numbers.pop(part_of(file, hole.item, hole.start), None)
        if item is not None:
            wanted[hole] = item
    for number, entry in numbers.values():
        error = "it no longer exists, or has changed since the batch began"
        _answer(folder, number, entry, ItemAnswer("", ItemOutcome.REFUSED, error=error), answered)
    if not wanted:
        return
    holes = sorted([*wanted, *known], key=lambda hole: hole.number)
    events = fill.fill(service, file, holes, options, judge_file=False, known=known)
    async with contextlib.aclosing(events):
        async for event in events:
            if isinstance(event, HoleOutcome) and event.hole in wanted:
                _answer(folder, *wanted[event.hole], _answer_of(event), answered)


def _answer_of(outcome: HoleOutcome) -> ItemAnswer:
    if outcome.proof is None:
        return ItemAnswer("", ItemOutcome.UNPROVED, verdict=outcome.verdict)
    replaced = replace(outcome.proof.candidate, text=outcome.replacement)
    return ItemAnswer("", ItemOutcome.PROVED, proofs=(replace(outcome.proof, candidate=replaced),))


def _answer(folder: Folder, number: int, entry: Entry, answer: ItemAnswer, answered: Callable[[Row], None]) -> None:
    answered(folder.answer(number, entry, answer))
