"""Charging of clients for Lean's work, by calls and by batches."""

import asyncio
from pathlib import Path

import pytest

from prover.assistance.suggest import Suggest, TacticScript
from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget, CheckOptions, SearchOptions
from prover.requests import Check, Search
from prover.store.database import Database
from prover.store.records.queue import BatchQueue
from prover.theorem import Theorem
from prover.verdict import Limits
from service.auth.identity import Identity, Quota
from service.batch.batches import BatchItem, BatchRequest, BatchState, BatchStatus
from service.batch.runner import BatchRunner
from service.core.engine import Engine
from service.core.limits.admission import Account, Quotas
from service.ops.config import BatchSettings, ClientSettings, Settings

pytestmark = pytest.mark.lean

EASY = Theorem("theorem easy (a b : Nat) : a + b = b + a")
HOUR = 3600.0


class Clock:
    """A clock controlled by the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def engine(lean_pool: WorkerPool) -> Engine:
    engine = Engine(Settings(), lean_pool)
    await engine.start()
    return engine


@pytest.fixture
def account() -> Account:
    """Somebody's, whose time stands still."""
    quotas = Quotas(ClientSettings(lean_seconds_per_hour=HOUR, samples_per_hour=1000), Clock())
    return quotas.account(Identity("somebody", frozenset()))


def taken(account: Account) -> tuple[float, float]:
    """Samples and seconds of checking."""
    assert account.samples_per_hour
    assert account.lean_seconds_per_hour
    return 1000 - account.samples_per_hour.left, HOUR - account.lean_seconds_per_hour.left


async def test_tactics_are_charged_for_the_goals_they_leave(engine: Engine, account: Account) -> None:
    async def call() -> int:
        account.activate()
        return (await engine.suggest(Suggest(TacticScript(EASY), most=1, seconds=60))).tried

    tried = await asyncio.create_task(call())
    samples, seconds = taken(account)
    assert samples == pytest.approx(tried)
    assert seconds > 0


async def test_a_statement_that_is_only_elaborated_is_charged(engine: Engine, account: Account) -> None:
    async def call() -> None:
        account.activate()
        search = engine.prove(Search(EASY))
        await anext(search)  # accepted
        await search.aclose()

    await asyncio.create_task(call())
    samples, seconds = taken(account)
    assert samples == 0
    assert seconds > 0


async def test_a_check_whose_client_leaves_is_charged_until_lean_has_stopped(
    engine: Engine, account: Account, lean_pool: WorkerPool
) -> None:
    async def call() -> None:
        account.activate()
        slow = Theorem("theorem slow : ∀ a b c d : Fin 9, a + b + c + d = d + c + b + a")
        await engine.check(Check(slow, Candidate("by decide"), CheckOptions(Limits(60, 4_000_000, 10_000))))

    calling = asyncio.create_task(call())
    async with asyncio.timeout(60):
        while not any(worker.state == "busy" for worker in lean_pool.stats().workers):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        calling.cancel()
        while not taken(account)[1]:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def test_a_batch_waits_when_its_owner_has_spent_the_quota_and_others_go_on(
    engine: Engine, tmp_path: Path
) -> None:
    database, clock = Database.open(str(tmp_path / "store.sqlite")), Clock()
    quotas = Quotas(ClientSettings(), clock)

    def batch(name: str) -> BatchRequest:
        theorems = [Theorem(f"theorem {name}{n} (a : Nat) : a + {n} = {n} + a") for n in range(3)]
        options = SearchOptions(Budget(samples=8, seconds=60), repeat=False)
        return BatchRequest(tuple(BatchItem(one.digest[:8], one) for one in theorems), options)

    async def answered(batch: BatchStatus, least: int) -> BatchStatus:
        async with asyncio.timeout(120):
            while (now := await runner.status(batch.id, None)).answered < least:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        return now

    settings = BatchSettings(concurrency=1)
    async with BatchRunner(engine, BatchQueue(database), settings, quotas) as runner:
        poor = await runner.submit(batch("poor"), "ann", Quota(samples_per_hour=1))
        await answered(poor, 1)
        # As long as others' work takes, and until it was looked for work again after that.
        rich = await runner.submit(batch("rich"), "bob")
        assert (await answered(rich, 3)).state is BatchState.DONE
        assert (await runner.status(poor.id, None)).answered == 1
        left = quotas.account(Identity("ann", frozenset(), Quota(samples_per_hour=1))).samples_per_hour
        assert left is not None
        assert left.left < 1
        for expected in (2, 3):
            clock.now += 100 * HOUR
            await answered(poor, expected)
    database.close()
