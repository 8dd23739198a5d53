"""Checkers with their own worker; emulated by scripted processes."""

import asyncio
from typing import Any

import psutil

from prover.lean.processes.ending import End
from prover.lean.workers.jobs import CHARGE
from prover.verdict import Trust, Verdict, VerdictKind
from tests.support.pools import idle, pids, until
from tests.support.scripted import LONG, ScriptedRuntime, no_child_runs, pool_of, proof, server, theorem


async def test_who_borrows_a_worker_is_charged_its_start() -> None:
    spent: list[float] = []
    async with pool_of(runtime=ScriptedRuntime(start={"sleep": 0.2})) as pool:
        await idle(pool)
        paying = CHARGE.set(spent.append)
        async with pool.isolated() as checker:
            assert (await checker.check(theorem(), proof())).verified
        CHARGE.reset(paying)
        assert len(spent) == 2, "the start, and the check"
        assert spent[0] >= 0.2
        assert (await pool.check(theorem(), proof())).verified
        assert len(spent) == 2


async def test_isolated_checker_has_a_worker_of_its_own_and_raises_the_trust() -> None:
    async with pool_of(2) as pool:
        await idle(pool)
        warm = server(await pool.check(theorem(), proof()))[0]
        async with pool.isolated() as checker:
            verdicts = [await checker.check(theorem(f"t{i}"), proof()) for i in range(3)]
            others = [server(await pool.check(theorem(), proof()))[0] for _ in range(3)]
            assert pool.stats().isolated == 1
            rejected = await checker.check(theorem(), proof(verdict="rejected"))
        assert [verdict.trust for verdict in verdicts] == [Trust.ISOLATED_REPLAY] * 3
        assert rejected.trust is Trust.NONE
        servers = [server(verdict) for verdict in verdicts]
        assert [served for _, served in servers] == [1, 2, 3]
        assert len({pid for pid, _ in servers}) == 1
        assert servers[0][0] not in {warm, *others}
        assert not psutil.pid_exists(servers[0][0])
        assert pool.stats().ends[End.ISOLATED] == 1  # the fresh worker of the pool was lent


async def test_isolated_checker_of_a_pool_without_a_fresh_worker_starts_one() -> None:
    async with pool_of(1) as pool:
        warm = server(await pool.check(theorem(), proof()))[0]
        async with pool.isolated(("Init",)) as checker:
            verdict = await checker.check(theorem(imports=("Init",)), proof())
            assert verdict.trust is Trust.ISOLATED_REPLAY
            assert server(verdict)[0] != warm
        assert pids(pool) == {warm}


async def test_isolated_request_that_waits_while_the_pool_closes_is_answered() -> None:
    runtime = ScriptedRuntime()
    async with pool_of(1, isolated=1, runtime=runtime) as pool:

        async def isolated(**script: Any) -> Verdict:
            async with pool.isolated() as checker:
                return await checker.check(theorem(), proof(**script), LONG)

        await idle(pool)
        first = asyncio.create_task(isolated(loop=60))
        await until(lambda: pool.stats().isolated == 1)
        second = asyncio.create_task(isolated())
        await asyncio.sleep(0.1)
        assert not second.done()
        await pool.close()
        started = runtime.launched
        assert [(await task).kind for task in (first, second)] == [VerdictKind.INFRASTRUCTURE] * 2
        assert (await second).messages[0].text == "the checker is shutting down"
        assert runtime.launched == started
    assert no_child_runs("scripted_process.py")
