"""Nothing is left of a pool that was closed, or whose process was killed. Emulated by scripted processes."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from prover.lean.workers.pool import PoolUnavailableError, WorkerPool
from prover.verdict import Verdict, VerdictKind
from tests.support.pools import busy, idle, pids, until
from tests.support.scripted import LONG, SHORT, ScriptedRuntime, no_child_runs, pool_of, proof, theorem


async def test_closing_in_the_middle_of_everything_leaves_nothing_and_answers_everybody() -> None:
    async with pool_of(2, max_queued=100) as pool:
        await idle(pool)
        children = pids(pool)
        checks = [asyncio.create_task(pool.check(theorem(), proof(loop=60), LONG)) for _ in range(20)]
        isolated = asyncio.create_task(use_isolated(pool))
        await busy(pool, 2)
        await pool.close()
        verdicts = await asyncio.gather(*checks)
        assert {verdict.kind for verdict in verdicts} == {VerdictKind.INFRASTRUCTURE}
        assert {verdict.messages[0].text for verdict in verdicts} == {"the checker is shutting down"}
        assert not any(psutil.pid_exists(pid) for pid in children)
        assert (await isolated).kind is VerdictKind.INFRASTRUCTURE
        assert (await pool.check(theorem(), proof())).kind is VerdictKind.INFRASTRUCTURE
        with pytest.raises(PoolUnavailableError):
            await pool.ready()
    assert no_child_runs("scripted_process.py")


async def use_isolated(pool: WorkerPool) -> Verdict:
    async with pool.isolated() as checker:
        return await checker.check(theorem(), proof(loop=60), LONG)


async def test_closing_while_workers_start_leaves_nothing() -> None:
    for delay in (0.0, 0.005, 0.02, 0.1):
        async with pool_of(3, runtime=ScriptedRuntime(start={"sleep": 60})):
            await asyncio.sleep(delay)
        assert no_child_runs("scripted_process.py")


async def test_no_task_is_left_behind() -> None:
    before = asyncio.all_tasks()
    async with pool_of(2) as pool:
        await pool.check(theorem(), proof())
        await pool.check(theorem(), proof(loop=60), SHORT)
    assert asyncio.all_tasks() <= before


@pytest.mark.parametrize("busy_with", [{"loop": 60}, {"sleep": 60}])
@pytest.mark.parametrize("channel", ["memory", "stdin"])
async def test_workers_end_when_their_parent_is_killed(busy_with: dict[str, Any], channel: str) -> None:
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[4])!r})
from tests.support.pools import busy, idle
from tests.support.scripted import *
async def main():
    async with pool_of(2, runtime=ScriptedRuntime(cancel={channel!r})) as pool:
        await idle(pool)
        check = asyncio.create_task(pool.check(theorem(), proof(**{busy_with!r}), LONG))
        await busy(pool)
        print(*pids(pool), flush=True)
        await check
asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(sys.executable, "-c", program, stdout=subprocess.PIPE)
    assert parent.stdout
    workers = [int(pid) for pid in (await parent.stdout.readline()).split()]
    assert len(workers) == 2
    parent.kill()
    await parent.wait()
    await until(lambda: not any(psutil.pid_exists(pid) for pid in workers))
