"""The pool under faults, emulated by scripted processes: real processes, pipes and signals, no Lean.

What real Lean does is in test_pool_lean.py.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from prover.candidate import Candidate
from prover.lean.ending import End
from prover.lean.pool import NoAnswerError, PoolBusyError, PoolConfig, PoolUnavailableError, Priority, WorkerPool
from prover.lean.stats import State
from prover.verdict import Limits, Region, Trust, Verdict, VerdictKind
from tests.prover.lean.scripted import ScriptedRuntime, proof, theorem

SHORT = Limits(seconds=0.2)
LONG = Limits(seconds=60)


@contextlib.asynccontextmanager
async def pool_of(
    workers: int = 1, spares: int = 0, runtime: ScriptedRuntime | None = None, **config: Any
) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(
        runtime or ScriptedRuntime(), PoolConfig(workers=workers, spares=spares, **config), vetting={"kinds": []}
    )
    async with pool:
        try:
            yield pool
        finally:
            children = pids(pool)
    assert not any(psutil.pid_exists(pid) for pid in children)


def pids(pool: WorkerPool) -> set[int]:
    return {worker.pid for worker in pool.stats().workers if worker.pid is not None}


def server(verdict: Verdict) -> tuple[int, int]:
    """Process that gave the verdict and how many checks it has served."""
    pid, served = verdict.messages[0].text.split()
    return int(pid), int(served)


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110, the pool tells nobody
        await asyncio.sleep(0.005)


async def busy(pool: WorkerPool, count: int = 1) -> None:
    await until(lambda: pool.stats().in_state(State.BUSY) >= count)


async def idle(pool: WorkerPool) -> None:
    await until(lambda: pool.stats().in_state(State.IDLE) == len(pool.stats().workers))


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


async def test_verdict_belongs_to_its_theorem_and_is_counted() -> None:
    async with pool_of() as pool:
        verdict = await pool.check(theorem("mine"), Candidate("by decide"))
        assert verdict.verified
        assert verdict.theorem == "mine"
        assert verdict.elapsed_ms > 0
        assert (await pool.check(theorem(), proof(verdict="rejected"))).kind is VerdictKind.REJECTED
        assert pool.stats().verdicts == {VerdictKind.VERIFIED: 1, VerdictKind.REJECTED: 1}


async def test_check_past_its_deadline_is_cancelled_and_the_worker_stays_warm() -> None:
    async with pool_of() as pool:
        before = server(await pool.check(theorem(), proof()))
        verdict = await pool.check(theorem(), proof(loop=60), SHORT)
        assert verdict.kind is VerdictKind.TIMEOUT
        assert 200 <= verdict.elapsed_ms < 1_200
        after = server(await pool.check(theorem(), proof()))
        assert after == (before[0], before[1] + 2)
        assert pool.stats().ends == {}


async def test_proof_that_arrives_within_the_grace_still_counts() -> None:
    async with pool_of(grace_seconds=10.0) as pool:
        assert (await pool.check(theorem(), proof(sleep=0.4), SHORT)).verified
        assert (await pool.check(theorem(), proof(sleep=0.4, verdict="rejected"), SHORT)).kind is VerdictKind.TIMEOUT


async def test_worker_deaf_to_cancelling_is_replaced_and_the_verdict_is_timeout() -> None:
    async with pool_of(grace_seconds=0.2) as pool:
        verdict = await pool.check(theorem(), proof(sleep=60), SHORT)
        assert verdict.kind is VerdictKind.TIMEOUT
        assert verdict.messages[0].text == "no answer within 0.2 s"
        assert (await pool.check(theorem(), proof())).verified
        assert pool.stats().ends == {End.UNRESPONSIVE: 1}


async def test_stopped_worker_is_nobodys_fault_and_the_check_is_tried_again() -> None:
    async with pool_of(grace_seconds=0.2) as pool:
        await pool.ready()
        os.kill(pids(pool).pop(), signal.SIGSTOP)
        assert (await pool.check(theorem(), proof(), SHORT)).verified
        assert pool.stats().ends == {End.OUTSIDE: 1}


async def test_cancelled_caller_returns_at_once_and_the_worker_is_reused() -> None:
    async with pool_of() as pool:
        await pool.check(theorem(), proof())
        before = pids(pool)
        check = asyncio.create_task(pool.check(theorem("gone"), proof(loop=60, linger=0.5), LONG))
        await busy(pool)
        check.cancel()
        began = time.monotonic()
        with pytest.raises(asyncio.CancelledError):
            await check
        assert time.monotonic() - began < 0.4
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


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ({"exit": 1}, End.CRASHED),
        ({"signal": "SIGSEGV"}, End.CRASHED),
        ({"raw": "nonsense", "sleep": 30}, End.GARBAGE),
        ({"answer_as": 77}, End.GARBAGE),
        ({"fields": {"verdict": "splendid"}}, End.GARBAGE),
        ({"fields": {"trust": "elaborated"}}, End.GARBAGE),
        ({"noise_bytes": 8 << 20}, End.FLOOD),
        ({"internal": "unreachable code"}, End.INTERNAL),
    ],
)
async def test_candidate_that_ends_two_workers_is_out_of_resources(script: dict[str, Any], end: End) -> None:
    async with pool_of(flood_bytes=2 << 20) as pool:
        await pool.check(theorem(), proof())
        verdict = await pool.check(theorem(), proof(**script))
        assert verdict.kind is VerdictKind.OUT_OF_RESOURCES
        assert verdict.trust is Trust.NONE
        assert verdict.messages[0].text.startswith("the Lean worker ")
        assert pool.stats().ends == {end: 2}
        assert (await pool.check(theorem(), proof())).verified


async def test_verdict_on_a_crash_shows_nothing_that_others_made_the_worker_print() -> None:
    async with pool_of() as pool:
        await pool.check(theorem(), proof(noise="the secret lemma of another user\n"))
        verdict = await pool.check(theorem(), proof(noise="x\n", exit=1))
        assert verdict.kind is VerdictKind.OUT_OF_RESOURCES
        assert [message.text for message in verdict.messages] == ["the Lean worker exited with status 1"]


async def test_candidate_that_ended_one_worker_is_tried_once_more_in_a_fresh_one(tmp_path: Path) -> None:
    async with pool_of(2) as pool:
        await pool.check(theorem(), proof())
        verdict = await pool.check(theorem(), proof(once=str(tmp_path / "died"), exit=1))
        assert verdict.verified
        assert server(verdict)[1] == 1
        assert pool.stats().ends == {End.CRASHED: 1}


async def test_other_checks_go_on_while_a_worker_is_replaced(tmp_path: Path) -> None:
    async with pool_of(1, spares=1) as pool:
        await idle(pool)
        os.kill(pids(pool).pop(), signal.SIGKILL)
        assert (await pool.check(theorem(), proof())).verified
        victim = asyncio.create_task(pool.check(theorem("victim"), proof(once=str(tmp_path / "died"), exit=1)))
        others = await asyncio.gather(*(pool.check(theorem(f"t{i}"), proof()) for i in range(20)))
        assert [verdict.theorem for verdict in others] == [f"t{i}" for i in range(20)]
        assert (await victim).theorem == "victim"


async def test_spare_takes_over_a_killed_worker_at_once() -> None:
    async with pool_of(1, spares=1, runtime=ScriptedRuntime(start={"sleep": 0.5})) as pool:
        await idle(pool)
        first = server(await pool.check(theorem(), proof()))[0]
        os.kill(first, signal.SIGKILL)
        verdict = await pool.check(theorem(), proof())
        assert verdict.verified
        assert server(verdict)[0] != first
        assert verdict.elapsed_ms < 450


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


async def test_worker_killed_from_outside_in_a_check_is_replaced_and_the_check_repeated(tmp_path: Path) -> None:
    async with pool_of() as pool:
        verdict = await pool.check(theorem(), proof(once=str(tmp_path / "killed"), signal="SIGKILL"))
        assert verdict.verified
        assert pool.stats().ends == {End.OUTSIDE: 1}


async def test_check_whose_workers_are_always_killed_from_outside_is_infrastructure() -> None:
    async with pool_of() as pool:
        verdict = await pool.check(theorem(), proof(signal="SIGKILL"))
        assert verdict.kind is VerdictKind.INFRASTRUCTURE
        assert verdict.messages[0].text == "the Lean worker was killed by signal 9"
        assert pool.stats().ends == {End.OUTSIDE: 3}
        assert (await pool.check(theorem(), proof())).verified


async def test_worker_past_its_memory_is_killed_in_the_check_and_the_verdict_says_so() -> None:
    async with pool_of(watch_seconds=0.05, recycle_bytes=150 << 20, kill_bytes=200 << 20) as pool:
        verdict = await pool.check(theorem(), proof(megabytes=400, loop=60), LONG)
        assert verdict.kind is VerdictKind.OUT_OF_RESOURCES
        assert "of memory, more than 200 MiB" in verdict.messages[0].text
        assert pool.stats().ends == {End.MEMORY: 1}
        assert (await pool.check(theorem(), proof())).verified


async def test_fat_worker_is_recycled_between_checks() -> None:
    async with pool_of(watch_seconds=0.05, recycle_bytes=80 << 20, kill_bytes=2_000 << 20) as pool:
        first = await pool.check(theorem(), proof(megabytes=150))
        assert first.verified
        await until(lambda: pool.stats().ends == {End.RECYCLED: 1})
        second = await pool.check(theorem(), proof())
        assert server(second)[0] != server(first)[0]


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
            await pool.check(theorem(name), proof(), priority=priority)
            order.append(name)

        tasks = [asyncio.create_task(check(f"batch{i}", Priority.BATCH)) for i in range(3)]
        tasks += [asyncio.create_task(check("user", Priority.INTERACTIVE))]
        await asyncio.sleep(0)
        blocker.cancel()
        await asyncio.gather(*tasks)
        assert order == ["user", "batch0", "batch1", "batch2"]


async def test_other_imports_get_a_worker_of_their_own() -> None:
    async with pool_of(2) as pool:
        await idle(pool)
        both = await asyncio.gather(
            pool.check(theorem("a"), proof()), pool.check(theorem("b", ("Std", "Init.Omega")), proof())
        )
        assert all(verdict.verified for verdict in both)
        assert {worker.imports for worker in pool.stats().workers} == {("Init", "Std"), ("Init", "Init.Omega", "Std")}
        assert pool.stats().ends == {End.IMPORTS: 1}


async def test_order_and_repetition_of_imports_do_not_matter() -> None:
    async with pool_of() as pool:
        for imports in (("Std",), ("Std", "Init"), ("Init", "Std")):
            assert (await pool.check(theorem(imports=imports), proof())).verified
        assert pool.stats().ends == {}


async def test_two_import_sets_share_one_worker_by_turns() -> None:
    async with pool_of(switch_seconds=0.3, watch_seconds=0.05) as pool:
        sets = [("Init",), ("Init", "Std")]
        verdicts = await asyncio.gather(
            *(pool.check(theorem(f"t{i}", sets[i % 2]), proof(sleep=0.02)) for i in range(40))
        )
        assert [verdict.theorem for verdict in verdicts] == [f"t{i}" for i in range(40)]
        assert 1 <= pool.stats().ends[End.IMPORTS] <= 6


async def test_import_outside_the_allow_list_is_forbidden_before_any_worker_sees_it() -> None:
    async with pool_of(allowed_imports=("Init", "Std")) as pool:
        for module in ("Lean", "StdX", "Lean.Elab"):
            verdict = await pool.check(theorem(imports=("Init", module)), proof())
            assert verdict.kind is VerdictKind.FORBIDDEN
            assert verdict.messages[0].region is Region.HEADER
            assert verdict.messages[0].text == f"`import {module}` is not allowed here; allowed are Init, Std and below"
        assert (await pool.check(theorem(imports=("Std.Data.HashMap",)), proof())).verified


async def test_unknown_import_is_an_invalid_statement_and_costs_one_start() -> None:
    runtime = ScriptedRuntime(missing=("Std.Foo",))
    async with pool_of(runtime=runtime) as pool:
        await pool.ready()
        for _ in range(3):
            verdict = await pool.check(theorem(imports=("Std.Foo",)), proof())
            assert verdict.kind is VerdictKind.INVALID_STATEMENT
            assert verdict.messages[0].text == "unknown module prefix 'Std.Foo'"
        assert (await pool.check(theorem(), proof())).verified
        assert runtime.launched == 3
        assert pool.stats().failed_starts == 1


async def test_module_known_to_be_absent_costs_no_worker() -> None:
    async with pool_of(runtime=ScriptedRuntime(absent=("Std.Foo",))) as pool:
        for name in ("Std.Foo", "Std.Foo"):
            verdict = await pool.check(theorem(imports=("Init", name)), proof())
            assert verdict.kind is VerdictKind.INVALID_STATEMENT
            assert (verdict.messages[0].text, verdict.messages[0].region) == ("unknown module `Std.Foo`", Region.HEADER)
        assert pool.stats().ends == {}


async def test_native_runtime_keeps_its_worker_whatever_the_imports() -> None:
    async with pool_of(runtime=ScriptedRuntime(single_import_set=False, cancel="stdin"), allowed_imports=None) as pool:
        verdict = await pool.check(theorem(imports=("Init", "Std")), proof())
        assert verdict.verified
        await pool.check(theorem(imports=("Mathlib",)), proof())
        assert (await pool.check(theorem(), proof(loop=60), SHORT)).kind is VerdictKind.TIMEOUT
        assert pool.stats().ends == {}


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
        await asyncio.sleep(1.5)
        assert pool.stats().ends
        assert runtime.launched <= 4


async def test_text_that_cannot_be_sent_is_a_verdict() -> None:
    async with pool_of() as pool:
        verdict = await pool.check(theorem(), Candidate("by\ud800"))
        assert verdict.kind is VerdictKind.REJECTED
        assert verdict.messages[0].text == "the candidate is not Unicode: a lone surrogate at character 2"


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


async def test_other_requests_fail_by_the_same_rules() -> None:
    async with pool_of(grace_seconds=0.2) as pool:
        assert await pool.ping() > 0
        blocker = asyncio.create_task(pool.check(theorem(), proof(loop=60), LONG))
        await busy(pool)
        os.kill(pids(pool).pop(), signal.SIGSTOP)
        waiting = asyncio.create_task(pool.ping())
        blocker.cancel()
        assert await waiting > 0
        for _ in range(2):
            with pytest.raises(NoAnswerError, match="not allowed here"):
                await pool.constant("Nat.add", theorem(imports=("Lean",)).header)


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


def no_child_runs(name: str) -> bool:
    return not any(name in " ".join(child.cmdline()) for child in psutil.Process().children(recursive=True))


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
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from tests.prover.lean.test_pool import *
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
    deadline = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in workers):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("count", [300, pytest.param(3_000, marks=pytest.mark.slow)])
async def test_storm_of_checks_cancellations_deadlines_and_deaths_swaps_no_answer(count: int, tmp_path: Path) -> None:
    """Every check gets its own answer, whatever happens to its neighbours."""
    chance = random.Random(7)
    async with pool_of(2, spares=1, max_queued=count, grace_seconds=2.0) as pool:

        async def one(number: int) -> str:
            kind = chance.choices(["plain", "loop", "cancel", "killed", "crash"], [70, 10, 15, 3, 2])[0]
            script: dict[str, Any] = {"sleep": chance.random() * 0.01}
            limits = LONG
            if kind == "loop":
                script, limits = {"loop": 60}, Limits(seconds=0.02)
            elif kind in ("killed", "crash"):
                script |= {"once": str(tmp_path / str(number))}
                script |= {"signal": "SIGKILL"} if kind == "killed" else {"exit": 1}
            check = asyncio.create_task(pool.check(theorem(f"t{number}"), proof(**script), limits))
            if kind == "cancel":
                await asyncio.sleep(chance.random() * 0.5)
                check.cancel()
            try:
                verdict = await check
            except asyncio.CancelledError:
                return "cancelled"
            assert verdict.theorem == f"t{number}", (kind, verdict)
            assert verdict.kind is (VerdictKind.TIMEOUT if kind == "loop" else VerdictKind.VERIFIED), kind
            return kind

        kinds = await asyncio.gather(*(one(number) for number in range(count)))
        stats = pool.stats()
        assert stats.queued == 0
        assert sum(stats.verdicts.values()) + stats.abandoned == count
        assert stats.abandoned == kinds.count("cancelled")
        assert set(stats.ends) <= {End.CRASHED, End.OUTSIDE}
        assert stats.ends[End.CRASHED] == kinds.count("crash")


async def test_stats_are_plain_data() -> None:
    async with pool_of() as pool:
        await pool.check(theorem(), proof())
        stats = pool.stats()
        assert json.dumps({str(kind): count for kind, count in stats.verdicts.items()}) == '{"verified": 1}'
        (worker,) = stats.workers
        assert (worker.state, worker.served, worker.imports) == (State.IDLE, 1, ("Init", "Std"))
