"""Interactive calls do not wait for batches."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from prover.candidate import Candidate
from prover.lean.workers.jobs import Priority
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget, CheckOptions, SearchOptions
from prover.requests import Accepted, BusyError, Check, Search
from prover.search.search import Finished
from prover.theorem import Theorem
from prover.verdict import Limits
from service.client.client import Client
from tests.support.pools import until_idle
from tests.support.waiting import begun

pytestmark = pytest.mark.lean

# Tenths of a second and more each.
SLOW = Theorem("theorem slow : ∀ a b c : Fin 5, a + b + c = c + b + a")
EASY = Theorem("theorem easy (a b : Nat) : a + b = b + a")
LIMITS = Limits(seconds=60, heartbeats=4_000_000, recursion=4_000)


async def test_an_interactive_check_overtakes_a_stream_of_batch_checks(
    lean_client: Client, lean_pool: WorkerPool
) -> None:
    await until_idle(lean_pool)
    answered: list[str] = []

    async def batch() -> None:
        async def items() -> AsyncIterator[tuple[str, Check]]:
            for number in range(48):
                theorem = Theorem(SLOW.statement.replace("slow", f"slow{number}"))
                yield str(number), Check(theorem, Candidate("by decide"), CheckOptions(LIMITS, priority=Priority.BATCH))

        async for name, _ in lean_client.check_all(items()):
            answered.append(name)

    working = asyncio.create_task(batch())
    async with asyncio.timeout(60):
        # Something waits: every worker that can serve it is busy. (An earlier test may have left one with other imports.)
        while not lean_pool.stats().queued:  # noqa: ASYNC110, the pool tells nobody
            await asyncio.sleep(0.01)
    before = len(answered)
    verdict = await lean_client.check(Check(EASY, Candidate("by omega")))
    # At most what was in the two workers when it came, and what they turned to while it was on its way.
    overtaken = len(answered) - before
    assert verdict.verified
    assert overtaken <= 4
    assert lean_pool.stats().queued, "the batch still waits"
    await working
    assert len(answered) == 48


async def test_batches_leave_room_for_searches(lean_client: Client) -> None:
    # The server of these tests takes two searches at once, and of what is not urgent one alone.
    wrong = Theorem("theorem wrong (a b : Nat) : a + b = b + a + 1")
    patient = Search(wrong, SearchOptions(Budget(samples=1000, seconds=60), CheckOptions(priority=Priority.BATCH)))
    first = lean_client.prove(patient)
    assert isinstance(await begun(first), Accepted)
    with pytest.raises(BusyError):
        await anext(lean_client.prove(patient))
    urgent = [event async for event in lean_client.prove(Search(EASY))]
    assert isinstance(urgent[-1], Finished)
    await first.aclose()
