"""Batches with real Lean and a real database."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from prover.errors import InputError
from prover.events import Ending
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget, CheckOptions, SearchOptions
from prover.requests import BusyError, UnavailableError
from prover.store.database import Database
from prover.store.records.queue import BatchQueue
from prover.theorem import Theorem
from prover.verdict import Limits, VerdictKind
from service.auth import tokens
from service.auth.identity import Role
from service.auth.owners import Owners
from service.batch.batches import (
    Answered,
    BatchItem,
    BatchRequest,
    BatchState,
    BatchStatus,
    ItemAnswer,
    ItemOutcome,
    NoBatchError,
)
from service.batch.runner import BatchRunner
from service.core.engine import Engine
from service.core.memory import ProofCache
from service.ops.config import BatchSettings, Settings, StoreSettings

pytestmark = pytest.mark.lean

OPTIONS = SearchOptions(Budget(samples=12, seconds=60), strategy="independent", repeat=False)
EASY = [Theorem(f"theorem easy{n} (a : Nat) : a + {n} = {n} + a") for n in range(6)]
HARD = Theorem("theorem hard (a b : Nat) : a * b = a + b")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(str(tmp_path / "store.sqlite"))
    yield database
    database.close()


@pytest.fixture
async def engine(lean_pool: WorkerPool, database: Database) -> Engine:
    engine = Engine(Settings(), lean_pool, memory=ProofCache(database, StoreSettings(), lambda hit: None))
    await engine.start()
    return engine


@pytest.fixture
async def runner(engine: Engine, database: Database) -> AsyncIterator[BatchRunner]:
    async with BatchRunner(engine, BatchQueue(database), BatchSettings(lease_seconds=2)) as runner:
        yield runner


def items(*theorems: Theorem) -> tuple[BatchItem, ...]:
    return tuple(BatchItem(theorem.digest[:8], theorem, family="family") for theorem in theorems)


async def watched(
    runner: BatchRunner, batch: BatchStatus, after: int = 0, owner: str = ""
) -> tuple[dict[str, ItemAnswer], BatchStatus]:
    """All answers by id, and the last status."""
    answers: dict[str, ItemAnswer] = {}
    last = batch
    async with asyncio.timeout(120):
        async for event in runner.watch(batch.id, after, owner):
            if isinstance(event, Answered):
                assert event.answer.id not in answers
                assert event.position == after + len(answers) + 1
                answers[event.answer.id] = event.answer
            else:
                last = event
    return answers, last


async def test_each_item_is_answered_once(runner: BatchRunner) -> None:
    request = BatchRequest(items(*EASY[:3], HARD, Theorem("theorem bad : 1 = true + nonsense")), OPTIONS, label="five")
    request = replace(request, items=(*request.items, BatchItem("refused", replace(EASY[0], project="nowhere"))))
    batch = await runner.submit(request)
    assert (batch.items, batch.state, batch.label) == (6, BatchState.RUNNING, "five")
    answers, last = await watched(runner, batch)
    assert (last.state, last.answered, last.running) == (BatchState.DONE, 6, 0)
    outcomes = [answers[item.id].outcome for item in request.items]
    assert outcomes == [ItemOutcome.PROVED] * 3 + [ItemOutcome.UNPROVED, ItemOutcome.INVALID, ItemOutcome.REFUSED]
    assert all(proof.verdict.verified for answer in answers.values() for proof in answer.proofs)
    bad = answers[request.items[4].id]
    assert bad.verdict is not None
    assert bad.verdict.messages
    assert "nowhere" in answers["refused"].error
    assert {answer.family for name, answer in answers.items() if name != "refused"} == {"family"}


async def test_a_statement_that_does_not_elaborate_in_time_is_not_called_invalid(runner: BatchRunner) -> None:
    goal = "∀ a b c d e : Fin 14, a + b + c + d + e = e + d + c + b + a"
    slow = Theorem(f"theorem slow : (fun (_ : {goal}) => True) (by decide)")
    check = CheckOptions(Limits(seconds=1, heartbeats=4_000_000, recursion=4_000))
    batch = await runner.submit(BatchRequest(items(slow), replace(OPTIONS, check=check)))
    answers, _ = await watched(runner, batch)
    answer = answers[slow.digest[:8]]
    assert (answer.outcome, answer.ending) == (ItemOutcome.UNPROVED, Ending.SECONDS_SPENT)
    assert answer.verdict is not None
    assert answer.verdict.kind is VerdictKind.TIMEOUT


async def test_a_watcher_comes_back_with_its_cursor(runner: BatchRunner) -> None:
    batch = await runner.submit(BatchRequest(items(*EASY), OPTIONS))
    seen: list[str] = []
    async with contextlib.aclosing(runner.watch(batch.id)) as events:
        async for event in events:
            if isinstance(event, Answered):
                seen.append(event.answer.id)
                if event.position == 2:
                    break
    answers, last = await watched(runner, batch, after=2)
    assert sorted([*seen, *answers]) == sorted(theorem.digest[:8] for theorem in EASY)
    assert last.state is BatchState.DONE
    assert await watched(runner, batch, after=6) == ({}, last)


async def test_known_proofs_are_served_and_known_failures_spared(runner: BatchRunner) -> None:
    first, _ = await watched(runner, await runner.submit(BatchRequest(items(EASY[0], HARD), OPTIONS)))
    again, _ = await watched(runner, await runner.submit(BatchRequest(items(EASY[0], HARD), OPTIONS)))
    easy, hard = EASY[0].digest[:8], HARD.digest[:8]
    assert not first[easy].proofs[0].stored
    assert again[easy].proofs[0].stored
    assert (again[hard].outcome, again[hard].ending) == (ItemOutcome.KNOWN_HARD, Ending.KNOWN_FAILURE)
    third, _ = await watched(runner, await runner.submit(BatchRequest(items(HARD), replace(OPTIONS, repeat=True))))
    assert third[hard].outcome is ItemOutcome.UNPROVED
    assert third[hard].spent.checked > 0


async def test_a_key_makes_one_batch(runner: BatchRunner) -> None:
    request = BatchRequest(items(EASY[0]), OPTIONS, key="monday")
    batch = await runner.submit(request, "ann")
    assert (await runner.submit(request, "ann")).id == batch.id
    assert (await runner.submit(request, "bob")).id != batch.id
    with pytest.raises(InputError, match="monday"):
        await runner.submit(replace(request, items=items(EASY[1])), "ann")


async def test_a_batch_is_its_owners_alone(runner: BatchRunner) -> None:
    batch = await runner.submit(BatchRequest(items(EASY[0]), OPTIONS), "ann")
    for call in (runner.status, runner.cancel, runner.delete):
        with pytest.raises(NoBatchError):
            await call(batch.id, "bob")
    with pytest.raises(NoBatchError):
        await anext(runner.watch(batch.id, 0, "bob"))
    with pytest.raises(NoBatchError):
        await runner.status("0" * 32, None)
    assert (await runner.status(batch.id, None)).id == batch.id
    assert await runner.page(9, "", "bob") == []
    assert [one.id for one in await runner.page(9, "", "ann")] == [batch.id]
    await runner.delete(batch.id, "ann")
    with pytest.raises(NoBatchError):
        await runner.status(batch.id, "ann")


async def test_a_cancelled_batch_stops_what_is_under_way(runner: BatchRunner, lean_pool: WorkerPool) -> None:
    endless = SearchOptions(Budget(samples=10_000, seconds=600, proofs=2), repeat=False)
    many = tuple(BatchItem(str(n), Theorem(f"theorem h{n} (a b c d : Nat) : a * b * c * {n} = d")) for n in range(50))
    batch = await runner.submit(BatchRequest(many, endless))
    async with asyncio.timeout(60):
        while not (await runner.status(batch.id)).running:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    cancelled = await runner.cancel(batch.id)
    assert (cancelled.state, cancelled.running) == (BatchState.CANCELLED, 0)
    answers, last = await watched(runner, batch)
    assert last == cancelled
    assert len(answers) == last.answered < 50
    async with asyncio.timeout(20):
        while any(worker.state.value == "busy" for worker in lean_pool.stats().workers):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_batch_stands_still_while_its_owner_has_no_valid_token(
    engine: Engine, database: Database, tmp_path: Path
) -> None:
    """It continued after the token was revoked."""
    file = tmp_path / "tokens.toml"
    for name in ("ann", "bob"):
        tokens.new(file, name, [Role.PROVE])
    endless = SearchOptions(Budget(samples=10_000, seconds=600, proofs=2), repeat=False)
    async with BatchRunner(engine, BatchQueue(database), BatchSettings(), may=Owners(file).may) as runner:
        batch = await runner.submit(BatchRequest(items(HARD), endless), "ann")
        async with asyncio.timeout(60):
            while not (await runner.status(batch.id, None)).running:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            tokens.revoke(file, "ann")
            while (await runner.status(batch.id, None)).running:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        other = await runner.submit(BatchRequest(items(EASY[0]), OPTIONS), "bob")
        answers, _ = await watched(runner, other, owner="bob")
        assert len(answers) == 1
        assert (await runner.status(batch.id, None)).running == 0
        tokens.new(file, "ann", [Role.PROVE])
        async with asyncio.timeout(60):
            while not (await runner.status(batch.id, None)).running:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        await runner.cancel(batch.id, None)


async def test_what_a_stopped_server_was_working_on_goes_on_at_the_next(engine: Engine, database: Database) -> None:
    settings = BatchSettings(lease_seconds=600, concurrency=1)
    async with BatchRunner(engine, BatchQueue(database), settings) as first:
        batch = await first.submit(BatchRequest(items(*EASY), OPTIONS))
        async with asyncio.timeout(60), contextlib.aclosing(first.watch(batch.id)) as events:
            async for event in events:
                if isinstance(event, Answered):
                    break
    async with BatchRunner(engine, BatchQueue(database), settings) as second:
        answers, last = await watched(second, batch)
    assert (len(answers), last.state) == (6, BatchState.DONE)
    assert {answer.attempts for answer in answers.values()} == {1}


async def test_stopping_does_not_hang_when_an_item_ends_in_the_same_moment(engine: Engine, database: Database) -> None:
    """`asyncio.wait_for` forgot that its task was cancelled, and the runner never ended."""
    for _ in range(20):
        async with BatchRunner(engine, BatchQueue(database), BatchSettings(concurrency=2)) as runner:
            await runner.submit(BatchRequest(items(*EASY[:2]), OPTIONS))
            await asyncio.sleep(0)
            runner._changes.tell()
            stopping = asyncio.create_task(runner.__aexit__())
            await asyncio.sleep(0)
            runner._changes.tell()
            await asyncio.wait_for(stopping, 30)


async def test_what_is_taken_while_a_server_stops_is_given_back(engine: Engine, database: Database) -> None:
    """An item that a thread had taken for a cancelled task stayed under its lease."""
    for _ in range(10):
        async with BatchRunner(engine, BatchQueue(database), BatchSettings(lease_seconds=600)) as runner:
            batch = await runner.submit(BatchRequest(items(*EASY[:2]), OPTIONS))
            await asyncio.sleep(0.001)
        assert (await runner.status(batch.id)).running == 0


async def test_answers_that_could_not_be_written_are_written_when_the_database_is_back(
    runner: BatchRunner, database: Database
) -> None:
    """The last item stayed `running`, its lease renewed for ever, and only a restart helped."""
    batch = await runner.submit(BatchRequest(items(*EASY[:2]), OPTIONS))
    async with asyncio.timeout(60):
        while not (await runner.status(batch.id)).running:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    database.write_now(lambda c: c.exec_driver_sql("ALTER TABLE leansieve_items RENAME TO away"))
    with capture_logs() as logs:
        async with asyncio.timeout(60):
            while "the database of batches cannot be written" not in {line["event"] for line in logs}:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
    assert database.failing_since is not None
    database.write_now(lambda c: c.exec_driver_sql("ALTER TABLE away RENAME TO leansieve_items"))
    answers, last = await watched(runner, batch)
    assert (len(answers), last.state) == (2, BatchState.DONE)
    assert {answer.attempts for answer in answers.values()} == {1}
    assert database.errors > 0


async def test_an_item_on_which_three_servers_died_is_answered(engine: Engine, database: Database) -> None:
    queue = BatchQueue(database)
    async with BatchRunner(engine, queue, BatchSettings(concurrency=1)) as runner:
        pass
    batch = await runner.submit(BatchRequest(items(EASY[0]), OPTIONS))
    for _ in range(3):
        assert len(await BatchQueue(database).claim(1, -1)) == 1
    async with BatchRunner(engine, queue, BatchSettings()) as runner:
        answers, _ = await watched(runner, batch)
    (answer,) = answers.values()
    assert (answer.outcome, answer.attempts) == (ItemOutcome.FAILED, 4)


async def test_batches_that_make_no_sense_are_refused(runner: BatchRunner) -> None:
    (item,) = items(EASY[0])
    for batch, said in (
        (BatchRequest(()), "between 1 and"),
        (BatchRequest((item, item), OPTIONS), "two items"),
        (BatchRequest((replace(item, id=""),)), "characters"),
        (BatchRequest((item,), key="k" * 300), "256"),
    ):
        with pytest.raises(InputError, match=said):
            await runner.submit(batch)


async def test_too_many_unfinished_items_are_told_to_come_back(engine: Engine, database: Database) -> None:
    runner = BatchRunner(engine, BatchQueue(database), BatchSettings(unfinished=3))
    await runner.submit(BatchRequest(items(*EASY[:3]), OPTIONS))
    with pytest.raises(BusyError) as refused:
        await runner.submit(BatchRequest(items(EASY[4]), OPTIONS))
    assert refused.value.seconds > 0


async def test_a_database_that_fails_is_said_to_be_unavailable(runner: BatchRunner, database: Database) -> None:
    database.write_now(lambda c: c.exec_driver_sql("ALTER TABLE leansieve_jobs RENAME TO away"))
    with pytest.raises(UnavailableError, match="leansieve_jobs"):
        await runner.submit(BatchRequest(items(EASY[0]), OPTIONS))
    database.write_now(lambda c: c.exec_driver_sql("ALTER TABLE away RENAME TO leansieve_jobs"))
    answers, _ = await watched(runner, await runner.submit(BatchRequest(items(EASY[0]), OPTIONS)))
    assert len(answers) == 1
