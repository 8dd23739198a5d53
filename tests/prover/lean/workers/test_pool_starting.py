"""The start of a pool, and its errors; emulated by scripted processes."""

import asyncio
import itertools
from collections.abc import Sequence

import pytest

from prover.lean.runtimes.runtime import Launch
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.pool import PoolUnavailableError
from prover.lean.workers.scheduling.slot import pause_seconds
from prover.lean.workers.stats import State
from prover.verdict import VerdictKind
from tests.support.pools import idle, until
from tests.support.scripted import ScriptedRuntime, pool_of, proof, theorem


async def test_start_returns_at_once_and_ready_waits_for_the_first_worker() -> None:
    async with pool_of(2, runtime=ScriptedRuntime(start={"sleep": 0.3})) as pool:
        assert pool.stats().in_state(State.STARTING) == 2
        await pool.ready()
        assert pool.stats().in_state(State.IDLE) >= 1


async def test_first_worker_comes_up_alone() -> None:
    runtime = ScriptedRuntime(start={"sleep": 60})
    async with pool_of(3, runtime=runtime):
        await asyncio.sleep(0.3)
        assert runtime.launched == 1
    runtime = ScriptedRuntime()
    async with pool_of(3, runtime=runtime) as pool:
        await idle(pool)
        assert runtime.launched == 3


async def test_pool_that_cannot_start_says_why_and_fails_what_waits() -> None:
    runtime = ScriptedRuntime(start={"noise": "no WebAssembly here\n", "exit": 1})
    async with pool_of(runtime=runtime) as pool:
        verdict = await pool.check(theorem(), proof())
        assert verdict.kind is VerdictKind.INFRASTRUCTURE
        assert verdict.messages[0].text == "no Lean worker can be started"
        with pytest.raises(PoolUnavailableError, match="exited with status 1; its last words: no WebAssembly here"):
            await pool.ready()
        runtime.start = {}
        await idle(pool)
        await pool.ready()
        assert (await pool.check(theorem(), proof())).verified


async def test_missing_runtime_is_told_in_its_own_words() -> None:
    async with pool_of(runtime=ScriptedRuntime(unavailable="Node is missing: pip install it")) as pool:
        with pytest.raises(PoolUnavailableError, match="Node is missing: pip install it"):
            await pool.ready()


async def test_workers_that_die_as_soon_as_they_are_up_are_not_restarted_in_a_rush() -> None:
    runtime = ScriptedRuntime(
        start={"raw": '{"id":1,"ok":true,"lean":"","githash":"","worker":"","load_ms":0}', "exit": 1}
    )
    async with pool_of(runtime=runtime) as pool:
        await until(lambda: sum(pool.stats().ends.values()) > 1)
    pauses = [pause_seconds(failures) for failures in range(1, 12)]
    assert pauses[0] > 0.25
    assert all(later == min(30.0, 2 * earlier) for earlier, later in itertools.pairwise(pauses))


class Surprising(ScriptedRuntime):
    """Raises what no runtime should raise, a number of times."""

    surprises: int = 1_000_000

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        if self.surprises:
            self.surprises -= 1
            raise KeyError("surprise")
        return super().launch(imports, role)


async def test_unexpected_failure_of_every_start_is_told_and_fails_what_waits() -> None:
    async with pool_of(runtime=Surprising()) as pool:
        verdict = await pool.check(theorem(), proof())
        assert verdict.kind is VerdictKind.INFRASTRUCTURE
        with pytest.raises(PoolUnavailableError, match="the checker failed inside: KeyError: 'surprise'"):
            await pool.ready()


async def test_place_with_an_unexpected_failure_is_tried_again() -> None:
    runtime = Surprising()
    runtime.surprises = 1
    async with pool_of(runtime=runtime) as pool:
        await pool.ready()
        assert (await pool.check(theorem(), proof())).verified
        assert pool.stats().failed_starts == 1
