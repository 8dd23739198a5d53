"""A pool's requests: verdicts, deadlines, cancellation, the queue.

Scripted processes stand for Lean: real processes, pipes and signals. test_pool_lean.py uses real Lean."""

import asyncio
import json
from typing import Any

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.processes.process import WorkerProcess
from prover.lean.wire.lines import Fields, Request
from prover.lean.workers.jobs import PoolBusyError, Priority
from prover.lean.workers.stats import State
from prover.verdict import VerdictKind
from tests.support.pools import busy, idle, pids
from tests.support.scripted import LONG, SHORT, pool_of, proof, server, theorem


async def test_verdict_belongs_to_its_theorem_and_is_counted() -> None:
    async with pool_of() as pool:
        verdict = await pool.check(theorem("mine"), Candidate("by decide"))
        assert verdict.verified
        assert verdict.theorem == "mine"
        assert verdict.elapsed_ms > 0
        assert (await pool.check(theorem(), proof(verdict="rejected"))).kind is VerdictKind.REJECTED
        assert pool.stats().verdicts == {VerdictKind.VERIFIED: 1, VerdictKind.REJECTED: 1}


async def test_what_shared_workers_say_counts_for_nothing_where_all_goes_into_quarantine() -> None:
    async with pool_of(contained=True) as pool:
        verdict = await pool.check(theorem(), proof())
        assert (verdict.kind, verdict.containable, verdict.verified) == (VerdictKind.FORBIDDEN, True, False)
        assert "in quarantine alone" in verdict.messages[0].text
        assert pool.stats().verdicts == {VerdictKind.FORBIDDEN: 1}
        async with pool.isolated() as isolated:
            assert (await isolated.check(theorem(), proof())).containable
        assert (await pool.elaborate(theorem())).containable


async def test_a_waiting_job_is_sent_before_the_last_answer_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    events: list[str] = []
    ask = WorkerProcess.ask

    def noted(worker: WorkerProcess, request: Request[Any]) -> asyncio.Future[Fields]:
        events.append("sent")
        return ask(worker, request)

    async with pool_of() as pool:
        await pool.check(theorem(), proof())
        monkeypatch.setattr(WorkerProcess, "ask", noted)

        async def used() -> None:
            await pool.check(theorem(), proof())
            events.append("used")

        await asyncio.gather(used(), used(), used())
    assert events == ["sent", "sent", "used", "sent", "used", "used"]


async def test_check_past_its_deadline_is_cancelled_and_the_worker_stays_warm() -> None:
    async with pool_of() as pool:
        before = server(await pool.check(theorem(), proof()))
        verdict = await pool.check(theorem(), proof(loop=60), SHORT)
        assert verdict.kind is VerdictKind.TIMEOUT
        assert verdict.elapsed_ms >= 200
        after = server(await pool.check(theorem(), proof()))
        assert after == (before[0], before[1] + 2)
        assert pool.stats().ends == {}


async def test_proof_that_arrives_within_the_grace_still_counts() -> None:
    async with pool_of(grace_seconds=10.0) as pool:
        assert (await pool.check(theorem(), proof(sleep=0.4), SHORT)).verified
        assert (await pool.check(theorem(), proof(sleep=0.4, verdict="rejected"), SHORT)).kind is VerdictKind.TIMEOUT


async def test_cancelled_caller_returns_at_once_and_the_worker_is_reused() -> None:
    async with pool_of() as pool:
        await pool.check(theorem(), proof())
        before = pids(pool)
        check = asyncio.create_task(pool.check(theorem("gone"), proof(loop=60, linger=0.5), LONG))
        await busy(pool)
        check.cancel()
        with pytest.raises(asyncio.CancelledError):
            await check
        assert pool.stats().in_state(State.BUSY) == 1, "the caller does not wait for Lean"
        verdict = await pool.check(theorem("next"), proof())
        assert verdict.theorem == "next"
        assert pids(pool) == before
        assert pool.stats().abandoned == 1


async def test_cancelled_caller_in_the_queue_leaves_nothing_behind() -> None:
    async with pool_of() as pool:
        blocker = asyncio.create_task(pool.check(theorem(), proof(loop=60), LONG))
        await busy(pool)
        waiting = [asyncio.create_task(pool.check(theorem(), proof())) for _ in range(10)]
        await asyncio.sleep(0)
        assert pool.stats().queued == 10
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert pool.stats().queued == 0
        blocker.cancel()
        assert server(await pool.check(theorem(), proof()))[1] == 2


async def test_spares_add_no_parallel_work() -> None:
    async with pool_of(1, spares=1) as pool:
        await idle(pool)
        checks = [asyncio.create_task(pool.check(theorem(), proof(loop=60), LONG)) for _ in range(2)]
        await busy(pool)
        assert pool.stats().in_state(State.BUSY) == 1
        assert pool.stats().queued == 1
        for check in checks:
            check.cancel()
        await asyncio.gather(*checks, return_exceptions=True)


async def test_full_queue_refuses_with_one_sentence() -> None:
    async with pool_of(max_queued=3) as pool:
        blocker = asyncio.create_task(pool.check(theorem(), proof(loop=60), LONG))
        await busy(pool)
        waiting = [asyncio.create_task(pool.check(theorem(f"t{i}"), proof())) for i in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(PoolBusyError, match="3 requests wait already; try again later"):
            await pool.check(theorem(), proof())
        blocker.cancel()
        assert [verdict.theorem for verdict in await asyncio.gather(*waiting)] == ["t0", "t1", "t2"]


async def test_interactive_requests_go_before_batch_ones() -> None:
    async with pool_of() as pool:
        blocker = asyncio.create_task(pool.check(theorem(), proof(loop=60), LONG))
        await busy(pool)
        order: list[str] = []

        async def check(name: str, priority: Priority) -> None:
            await pool.check(theorem(name), proof(), Terms(priority=priority))
            order.append(name)

        tasks = [asyncio.create_task(check(f"batch{i}", Priority.BATCH)) for i in range(3)]
        tasks += [asyncio.create_task(check("user", Priority.INTERACTIVE))]
        await asyncio.sleep(0)
        blocker.cancel()
        await asyncio.gather(*tasks)
        assert order == ["user", "batch0", "batch1", "batch2"]


async def test_text_that_cannot_be_sent_is_a_verdict() -> None:
    async with pool_of() as pool:
        verdict = await pool.check(theorem(), Candidate("by\ud800"))
        assert verdict.kind is VerdictKind.REJECTED
        assert verdict.messages[0].text == "the candidate is not Unicode: a lone surrogate at character 2"


async def test_stats_are_plain_data() -> None:
    async with pool_of() as pool:
        await pool.check(theorem(), proof())
        stats = pool.stats()
        assert json.dumps({str(kind): count for kind, count in stats.verdicts.items()}) == '{"verified": 1}'
        (worker,) = stats.workers
        assert (worker.state, worker.served, worker.imports) == (State.IDLE, 1, ("Init", "Std"))
