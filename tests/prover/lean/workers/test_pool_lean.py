"""The pool on real Lean, with real loops, kills and cancellations."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.processes.ending import End
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.lean.workers.stats import State
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Region, Trust, VerdictKind
from tests.support.pools import idle, pids, until

pytestmark = pytest.mark.lean

EASY = Theorem("theorem easy (a b : Nat) : a + b = b + a")
PROOF = Candidate("by omega")
# Half a million cases, one by one: takes minutes unless it is stopped.
LONG = Theorem("theorem long : ∀ a b c d e : Fin 14, a + b + c + d + e = e + d + c + b + a")
LONG_PROOF = Candidate("by decide")
PATIENT = Limits(seconds=120, heartbeats=4_000_000, recursion=4_000)


async def one_busy(pool: WorkerPool) -> int:
    """Wait until exactly one worker has a job; its process."""
    await until(lambda: pool.stats().in_state(State.BUSY) == 1)
    (worker,) = (worker for worker in pool.stats().workers if worker.state is State.BUSY)
    assert worker.pid
    process = psutil.Process(worker.pid)

    def worked() -> float:
        return sum(process.cpu_times()[:2])

    before = worked()
    await until(lambda: worked() > before + 0.1)  # Lean has read the request, and is at it
    return worker.pid


async def test_proof_is_verified_by_replay(lean_pool: WorkerPool) -> None:
    verdict = await lean_pool.check(EASY, PROOF)
    assert verdict.verified
    assert verdict.trust is Trust.KERNEL_REPLAYED
    assert verdict.theorem == "easy"
    assert verdict.timing["total_ms"] <= verdict.elapsed_ms
    assert (await lean_pool.check(EASY, Candidate("by rfl"))).kind is VerdictKind.REJECTED


async def test_looping_proof_ends_by_its_deadline_and_the_environment_stays_warm(lean_pool: WorkerPool) -> None:
    await idle(lean_pool)
    before, ends = pids(lean_pool), lean_pool.stats().ends
    limits = Limits(seconds=1.0, heartbeats=PATIENT.heartbeats, recursion=PATIENT.recursion)
    for _ in range(2):
        verdict = await lean_pool.check(LONG, LONG_PROOF, Terms(limits))
        assert verdict.kind is VerdictKind.TIMEOUT
        assert 1_000 <= verdict.elapsed_ms <= 1_000 * (limits.seconds + 5.0)
        assert verdict.timing, "Lean itself answered, so it was cancelled, not killed"
    assert (await asyncio.gather(*(lean_pool.check(EASY, PROOF) for _ in range(4))))[0].verified
    assert (pids(lean_pool), lean_pool.stats().ends) == (before, ends)


async def test_runaway_within_its_deadline_ends_by_heartbeats(lean_pool: WorkerPool) -> None:
    verdict = await lean_pool.check(LONG, LONG_PROOF, Terms(Limits(seconds=120, heartbeats=2_000, recursion=4_000)))
    assert verdict.kind is VerdictKind.OUT_OF_RESOURCES
    assert verdict.heartbeats > 0


async def test_cancelled_caller_frees_the_worker(lean_pool: WorkerPool) -> None:
    await idle(lean_pool)
    before = pids(lean_pool)
    checks = [asyncio.create_task(lean_pool.check(LONG, LONG_PROOF, Terms(PATIENT))) for _ in range(2)]
    await until(lambda: lean_pool.stats().in_state(State.BUSY) == 2)
    await asyncio.sleep(0.5)
    for check in checks:
        check.cancel()
    await asyncio.wait(checks)
    assert lean_pool.stats().in_state(State.BUSY) == 2, "the callers do not wait for Lean"
    assert (await lean_pool.check(EASY, PROOF)).verified
    await idle(lean_pool)
    assert pids(lean_pool) == before


async def test_statement_goals_steps_and_constants_come_from_lean(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem both (a b : Nat) (h : a < b) : a + 1 ≤ b ∧ True")
    elaboration = await lean_pool.elaborate(theorem)
    assert elaboration.verdict is VerdictKind.VERIFIED
    assert (elaboration.theorem, elaboration.goal) == ("both", "a b : Nat\nh : a < b\n⊢ a + 1 ≤ b ∧ True")
    broken = await lean_pool.elaborate(Theorem("theorem broken : 1 + = 2"))
    assert broken.verdict is VerdictKind.INVALID_STATEMENT
    assert broken.messages[0].region is Region.STATEMENT
    goals = await lean_pool.goals(theorem, "by\n  constructor\n  · sorry\n  · trivial")
    (hole,) = goals.sorries
    assert (hole.line, hole.column, hole.end_column) == (3, 4, 9)
    assert hole.goals[0].endswith("⊢ a + 1 ≤ b")
    step = await lean_pool.tactic(theorem, ["constructor"], "omega")
    assert (step.verdict, len(step.goals)) == (VerdictKind.VERIFIED, 1)
    last = await lean_pool.tactic(theorem, ["constructor", "omega"], "trivial")
    assert (last.verdict, last.goals) == (VerdictKind.VERIFIED, ())
    assert (await lean_pool.tactic(theorem, ["constructor"], "exact 5")).verdict is VerdictKind.REJECTED
    constant = await lean_pool.constant("Nat.add_comm")
    assert constant is not None
    assert (constant.kind, constant.module) == ("theorem", "Init.Data.Nat.Basic")
    assert await lean_pool.constant("Nat.no_such_thing") is None
    assert await lean_pool.ping() > 0


@pytest.mark.parametrize(
    ("goal", "constant"),
    [
        ('"a b".splitOn " " = ["a", "b"]', "String.splitOn"),
        ("[3, 1, 2].mergeSort = [1, 2, 3]", "List.mergeSort"),
        ("∀ x : Fin 3, [x.val, 1].mergeSort.length = 2", "List.mergeSort"),
        ("Nat.toDigits 10 42 = ['4', '2']", "Nat.toDigits"),
        ("2 ^ 64 % 7 = 2", None),
        ("2 + 2 = 5", None),
        ("∀ n : Nat, n * n = n", None),
        ("∀ l : List Nat, l.mergeSort.length = l.length", None),
        ("#[1, 2] = #[2, 1]", None),  # an instance says nothing to a user
        ("(fun n : Nat => n) = id", None),
    ],
)
async def test_where_evaluating_stops_for_want_of_a_body_is_told_and_nothing_else_is(
    lean_pool: WorkerPool, goal: str, constant: str | None
) -> None:
    assert await lean_pool.stuck(Theorem(f"theorem t : {goal}")) == constant


async def test_texts_of_any_script_and_size_reach_lean_whole(lean_pool: WorkerPool) -> None:
    fancy = Theorem("theorem «𝕜 ≤ é» (𝕜 : Nat) (h : 𝕜 ≤ 7) : 𝕜 < 8")
    verdict = await lean_pool.check(fancy, Candidate("by\r\n  -- 🙂\t𝔸\n  omega"))
    assert verdict.verified
    assert "𝕜 ≤ é" in verdict.theorem
    padded = Candidate("by\n" + "  -- ∀ 𝕜, " + "x" * 90 + "\n" * 2_000 + "  omega")
    assert (await lean_pool.check(EASY, padded)).verified
    refused = await lean_pool.check(EASY, Candidate("by omega\0"))
    assert refused.kind in (VerdictKind.REJECTED, VerdictKind.FORBIDDEN)


async def test_hundreds_of_checks_with_cancellations_and_deadlines_swap_no_answer(lean_pool: WorkerPool) -> None:
    await storm(lean_pool, 200)


@pytest.mark.slow
async def test_a_thousand_checks_swap_no_answer_and_memory_stays_flat(lean_pool: WorkerPool) -> None:
    await storm(lean_pool, 200)
    await asyncio.sleep(2)
    before = sum(worker.memory_bytes for worker in lean_pool.stats().workers)
    await storm(lean_pool, 1_000)
    await asyncio.sleep(2)
    after = sum(worker.memory_bytes for worker in lean_pool.stats().workers)
    assert after < 1.15 * before


async def storm(pool: WorkerPool, count: int) -> None:
    """Checks of all outcomes in flight at once; every answer names its own theorem and number."""
    chance = random.Random(count)

    async def one(number: int) -> None:
        kind = chance.choices(["true", "false", "long", "cancel"], [60, 20, 5, 15])[0]
        theorem = Theorem(f"theorem t{number} (a : Nat) (h : a < {number}) : a + 1 < {number + 1}")
        limits, proof, expected = PATIENT, Candidate("by omega"), VerdictKind.VERIFIED
        if kind == "false":
            proof, expected = Candidate(f"by exact absurd h (wrong{number} h)"), VerdictKind.REJECTED
        elif kind == "long":
            theorem = Theorem(LONG.statement.replace("long", f"t{number}"))
            limits, proof, expected = Limits(0.3, PATIENT.heartbeats, 4_000), LONG_PROOF, VerdictKind.TIMEOUT
        check = asyncio.create_task(pool.check(theorem, proof, Terms(limits)))
        if kind == "cancel":
            await asyncio.sleep(chance.random() * 3)
            check.cancel()
        try:
            verdict = await check
        except asyncio.CancelledError:
            assert kind == "cancel"
            return
        assert verdict.kind is expected, (kind, verdict)
        assert verdict.theorem == f"t{number}"
        if kind == "false":
            assert any(f"wrong{number}" in message.text for message in verdict.messages)

    await idle(pool)
    before, ends = pids(pool), pool.stats().ends
    async with asyncio.TaskGroup() as group:  # a failure ends them all, and other tests find the pool idle
        for number in range(count):
            group.create_task(one(number))
    await idle(pool)
    assert pool.stats().queued == 0
    assert (pids(pool), pool.stats().ends) == (before, ends)


async def test_unknown_module_costs_no_worker_and_other_imports_are_served(lean_pool: WorkerPool) -> None:
    before = pids(lean_pool)
    unknown = Theorem(EASY.statement, Header(("Init", "Std.Nonsense")))
    verdict = await lean_pool.check(unknown, PROOF)
    assert verdict.kind is VerdictKind.INVALID_STATEMENT
    assert verdict.messages[0].text == "unknown module `Std.Nonsense`"
    assert pids(lean_pool) == before
    small = Theorem("theorem small (m : Std.HashMap Nat Nat) : m = m", Header(("Init",)))
    assert (await lean_pool.check(small, Candidate("rfl"))).kind is VerdictKind.INVALID_STATEMENT
    assert (await lean_pool.check(Theorem(small.statement), Candidate("rfl"))).verified


async def test_worker_killed_in_a_check_is_replaced_and_the_check_repeated(lean_pool: WorkerPool) -> None:
    await idle(lean_pool)
    before = lean_pool.stats().ends.get(End.OUTSIDE, 0)
    check = asyncio.create_task(lean_pool.check(LONG, LONG_PROOF, Terms(Limits(4.0, PATIENT.heartbeats, 4_000))))
    victim = await one_busy(lean_pool)
    os.kill(victim, signal.SIGKILL)
    others = await asyncio.gather(*(lean_pool.check(EASY, PROOF) for _ in range(5)))
    assert all(verdict.verified for verdict in others)
    assert (await check).kind is VerdictKind.TIMEOUT
    assert lean_pool.stats().ends[End.OUTSIDE] == before + 1
    assert victim not in pids(lean_pool)


async def test_stopped_worker_is_replaced_and_its_check_repeated(lean_pool: WorkerPool) -> None:
    await idle(lean_pool)
    before = lean_pool.stats().ends.get(End.OUTSIDE, 0)
    check = asyncio.create_task(lean_pool.check(LONG, LONG_PROOF, Terms(Limits(3.0, PATIENT.heartbeats, 4_000))))
    victim = await one_busy(lean_pool)
    os.kill(victim, signal.SIGSTOP)
    assert (await lean_pool.check(EASY, PROOF)).verified
    assert (await check).kind is VerdictKind.TIMEOUT
    assert lean_pool.stats().ends[End.OUTSIDE] == before + 1
    assert not psutil.pid_exists(victim)


async def test_isolated_checker_replays_in_a_fresh_process(lean_pool: WorkerPool) -> None:
    async with lean_pool.isolated() as checker:
        verdicts = [await checker.check(EASY, PROOF) for _ in range(2)]
    assert [verdict.trust for verdict in verdicts] == [Trust.ISOLATED_REPLAY] * 2


async def test_closing_a_pool_that_starts_or_works_leaves_no_process(lean_pool: WorkerPool) -> None:
    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children(recursive=True)} - pids(lean_pool)

    await idle(lean_pool)
    before = children()
    for work in (False, True):
        async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
            await until(lambda: bool(children() - before))
            if work:
                check = asyncio.create_task(pool.check(LONG, LONG_PROOF, Terms(PATIENT)))
                await one_busy(pool)
        assert children() <= before
    assert (await check).kind is VerdictKind.INFRASTRUCTURE


@pytest.mark.parametrize("way", ["killed", "closed"])
async def test_busy_workers_end_with_their_pool_and_leave_no_file(way: str, tmp_path: Path) -> None:
    """Real Lean does not look at its standard input while it is busy; the end of its control socket must do."""
    program = f"""
import asyncio, sys
sys.path.insert(0, {str(Path(__file__).parents[4])!r})
from tests.prover.lean.workers.test_pool_lean import *
async def main():
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=1, spares=0)) as pool:
        await pool.ready()
        check = asyncio.create_task(pool.check(LONG, LONG_PROOF, Terms(PATIENT)))
        print(await one_busy(pool), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
    print((await check).kind, flush=True)
asyncio.run(main())
"""
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    assert parent.stdout
    worker = int(await parent.stdout.readline())
    assert psutil.pid_exists(worker)
    if way == "killed":
        parent.kill()
        await parent.wait()
        await until(lambda: not psutil.pid_exists(worker))
    else:
        said, _ = await parent.communicate(b"close\n")
        assert said.decode().strip() == VerdictKind.INFRASTRUCTURE
        assert parent.returncode == 0
        assert not psutil.pid_exists(worker)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("context", ["-- a comment", "/- one /- in another -/ -/\n-- and a line\n", "  \n\n"])
async def test_a_context_of_comments_alone_is_an_empty_one(lean_pool: WorkerPool, context: str) -> None:
    """Lean's parser looked for a command after them, and the statement was invalid."""
    theorem = Theorem("theorem t (a b : Nat) : a + b = b + a", context=context)
    assert (await lean_pool.check(theorem, Candidate("by omega"))).verified
