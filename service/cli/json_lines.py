"""`check --jsonl` and `prove --jsonl`: many items, answered with one line each."""

import asyncio
import contextlib
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeVar

from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from prover.assistance import fill
from prover.errors import InputError, UserError
from prover.options import CheckOptions, SearchOptions
from prover.requests import BusyError, Check, Event, GoneError, Search, Service, StatementError, UnavailableError
from prover.search.search import Proof
from prover.verdict import Message, Verdict, VerdictKind
from service.cli import common
from service.core.limits.text import blames_item, refusal
from service.jsonl.answers import Answers
from service.jsonl.items import Item, read_items
from service.jsonl.local import RunTally, run
from service.jsonl.rows import Id, Row, check_row, finished_row, message_row
from service.ops.config import Settings

T = TypeVar("T")

Answer = Callable[[Service, Item], Awaitable[Row]]


async def check(
    settings: Settings, server: str | None, source: Path, out: Path, options: CheckOptions, project: str
) -> bool:
    """Check every item of `source` that has no answer in `out`. Returns whether all succeed."""

    async def answer(service: Service, item: Item) -> Row:
        async def attempt() -> Verdict:
            assert item.theorem is not None
            assert item.candidate is not None
            return await service.check(Check(item.theorem.within(project), item.candidate, options))

        return _with_unread(item, check_row(item.id, await _outcome(item, attempt)))

    # Two per worker: the next item waits in the queue while an answer is written.
    return await _run("check", settings, server, source, out, True, answer, 2)


async def prove(
    settings: Settings, server: str | None, source: Path, out: Path, options: SearchOptions, project: str
) -> bool:
    """Search proofs of every item of `source` that has no answer in `out`. Returns whether all succeed."""

    async def answer(service: Service, item: Item) -> Row:
        started = time.monotonic()

        async def attempt() -> Row:
            assert item.theorem is not None
            proofs, finished = await fill.search(service, Search(item.theorem.within(project), options), _ignore)
            row = _prove_row(item.id, proofs, finished.spent.checked, finished.spent.sampled, started)
            return {**row, **finished_row(finished)}

        outcome = await _outcome(item, attempt)
        if not isinstance(outcome, Verdict):
            return _with_unread(item, outcome)
        messages = [message_row(message) for message in outcome.messages]
        row = {**_prove_row(item.id, [], 0, 0, started), "verdict": outcome.kind.name, "messages": messages}
        return _with_unread(item, row)

    return await _run("prove", settings, server, source, out, False, answer, 1, options)


def _with_unread(item: Item, row: Row) -> Row:
    """Return the row with the unknown fields of its line."""
    return {**row, "unread": list(item.unread)} if item.unread else row


def _prove_row(item_id: Id, proofs: list[Proof], checked: int, sampled: int, started: float) -> Row:
    return {
        "id": item_id,
        "proofs": [
            {
                "proof": proof.candidate.text,
                "trust": proof.verdict.trust.name,
                "path": proof.verdict.path.value,
                "elapsed_ms": round(1e3 * proof.seconds, 3),
                "source": proof.candidate.source,
            }
            for proof in proofs
        ],
        "checked": checked,
        "sampled": sampled,
        "elapsed_ms": round(1e3 * (time.monotonic() - started), 3),
    }


async def _outcome(item: Item, call: Callable[[], Awaitable[T]]) -> T | Verdict:
    """Return the result of a call, or the verdict on an invalid item; a busy service is retried.

    Raises:
        UserError: the error is not the item's, so that the next item would fail as well.
    """
    if item.verdict is not None:
        return item.verdict
    while True:
        try:
            return await call()
        except BusyError as error:
            await asyncio.sleep(error.seconds * random.uniform(0.5, 1.5))
        except StatementError as error:
            return error.verdict
        except InputError as error:
            if not blames_item(error):
                raise
            return refusal(error)
        except GoneError as error:
            raise UserError(f"{error}; run again to resume") from None
        except UnavailableError as error:
            return Verdict(VerdictKind.INFRASTRUCTURE, messages=(Message("error", str(error)),))


async def _run(
    command: str,
    settings: Settings,
    server: str | None,
    source: Path,
    out: Path,
    with_candidates: bool,
    answer: Answer,
    each_worker: int,
    options: SearchOptions | None = None,
) -> bool:
    """Answer the items of `source` into `out`, `each_worker` at a time per worker. Returns whether all succeed.

    Raises:
        UserError: as `read_items`, or as `run`.
    """
    items = read_items(source, settings.text, with_candidates, _print_warning)
    first_item = next(items)
    tally = RunTally()
    asked: set[Id] = set()

    def noted(item: Item) -> bool:
        asked.add(item.id)
        return not _is_done(item, answers, tally)

    with Answers(out, _is_answer, _is_good) as answers:
        todo = filter(noted, itertools.chain([first_item], items))
        try:
            # Lean is not started if nothing is left to do.
            if (first := next(todo, None)) is not None:
                async with common.opened(settings, server, options) as (service, workers):
                    with _progress() as report:
                        tally.started = time.monotonic()
                        rest = itertools.chain([first], todo)
                        await run(rest, answers, each_worker * workers, partial(answer, service), _label, tally, report)
        finally:
            common.stderr.print(common.shown(tally.summary(command)))
        return asked <= answers.good


def _is_done(item: Item, answers: Answers, tally: RunTally) -> bool:
    """Whether an earlier run has answered the item."""
    done = item.id in answers.done
    tally.resumed += done
    return done


def _is_answer(row: Row) -> bool:
    """Whether a row of an earlier run is kept; failures of the service are retried."""
    return row.get("verdict") != VerdictKind.INFRASTRUCTURE.name


def _is_good(row: Row) -> bool:
    return bool(row.get("proofs")) or row.get("verdict") == VerdictKind.VERIFIED.name


def _label(row: Row) -> str:
    without = "refuted" if "refutation" in row else "without a proof"
    return str(row.get("verdict") or ("proved" if row["proofs"] else without))


def _print_warning(sentence: str) -> None:
    common.stderr.print(common.shown(sentence, "yellow"))


def _ignore(_event: Event) -> None:
    """Ignore an event: batches report items only."""


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[RunTally], None]]:
    columns = (SpinnerColumn(), TextColumn("{task.completed} items, {task.fields[outcomes]}"), TimeElapsedColumn())
    with Progress(*columns, console=common.stderr, transient=True, disable=not common.stderr.is_terminal) as display:
        task = display.add_task("", total=None, outcomes="")

        def report(tally: RunTally) -> None:
            outcomes = ", ".join(f"{count} {label}" for label, count in tally.outcomes.most_common())
            display.update(task, completed=tally.answered, outcomes=outcomes)

        yield report
