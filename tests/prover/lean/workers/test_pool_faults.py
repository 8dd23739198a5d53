"""A pool whose workers crash, hang, flood, grow and are killed, emulated by scripted processes."""

import asyncio
import logging
import os
import random
import signal
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import psutil
import pytest

from prover.lean.checker import Terms
from prover.lean.processes.ending import End
from prover.lean.wire.checks import NoAnswerError
from prover.lean.workers.scheduling import slot, supervisor
from prover.verdict import Limits, Trust, VerdictKind
from tests.support.pools import busy, idle, pids, until
from tests.support.scripted import LONG, SHORT, ScriptedRuntime, pool_of, proof, server, theorem


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


async def test_the_log_line_about_a_worker_that_ended_belongs_to_the_request_in_work(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The line carried the id of the request that had started the worker, which had ended long before."""
    request, told = ContextVar("request", default="none"), []

    class Noting(logging.Handler):
        def emit(self, _record: logging.LogRecord) -> None:
            told.append(request.get())

    caplog.set_level("WARNING")  # a server of another test may have set it higher
    noting = Noting(logging.WARNING)
    slot._log.addHandler(noting)
    try:
        request.set("first")
        async with pool_of(grace_seconds=0.2) as pool:
            await pool.ready()
            request.set("second")
            os.kill(pids(pool).pop(), signal.SIGSTOP)
            await pool.check(theorem(), proof(), SHORT)
    finally:
        slot._log.removeHandler(noting)
    assert set(told) == {"second"}


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ({"exit": 1}, End.CRASHED),
        ({"signal": "SIGSEGV"}, End.CRASHED),
        ({"raw": "nonsense", "sleep": 30}, End.PROTOCOL_ERROR),
        ({"answer_as": 77}, End.PROTOCOL_ERROR),
        ({"fields": {"verdict": "splendid"}}, End.PROTOCOL_ERROR),
        ({"fields": {"trust": "elaborated"}}, End.PROTOCOL_ERROR),
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
    runtime = ScriptedRuntime()
    async with pool_of(1, spares=1, runtime=runtime) as pool:
        await idle(pool)
        runtime.start = {"sleep": 60}  # no other worker comes up in this test
        first = server(await pool.check(theorem(), proof()))[0]
        os.kill(first, signal.SIGKILL)
        verdict = await pool.check(theorem(), proof())
        assert verdict.verified
        assert server(verdict)[0] != first


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


@pytest.mark.parametrize("count", [300, pytest.param(3_000, marks=pytest.mark.slow)])
async def test_storm_of_checks_cancellations_deadlines_and_deaths_swaps_no_answer(count: int, tmp_path: Path) -> None:
    """Every check gets its own answer, even if others fail."""
    chance = random.Random(7)
    async with pool_of(2, spares=1, max_queued=count, grace_seconds=2.0) as pool:

        async def one(number: int) -> str:
            kind = chance.choices(["plain", "loop", "cancel", "killed", "crash"], [70, 10, 15, 3, 2])[0]
            script: dict[str, Any] = {"sleep": chance.random() * 0.01}
            terms = LONG
            if kind == "loop":
                script, terms = {"loop": 60}, Terms(Limits(seconds=0.02))
            elif kind in ("killed", "crash"):
                script |= {"once": str(tmp_path / str(number))}
                script |= {"signal": "SIGKILL"} if kind == "killed" else {"exit": 1}
            check = asyncio.create_task(pool.check(theorem(f"t{number}"), proof(**script), terms))
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


async def test_unexpected_failure_in_a_check_costs_its_worker_and_not_the_pool(monkeypatch: pytest.MonkeyPatch) -> None:
    async with pool_of() as pool:
        before = server(await pool.check(theorem(), proof()))[0]

        async def surprise(*_: object) -> None:
            raise KeyError("surprise")

        with monkeypatch.context() as patch:
            patch.setattr(slot, "attempt", surprise)
            verdict = await pool.check(theorem(), proof())
        assert verdict.kind is VerdictKind.INFRASTRUCTURE
        assert verdict.messages[0].text == "the checker failed inside"
        assert server(await pool.check(theorem(), proof()))[0] != before
        assert not psutil.pid_exists(before)


async def test_memory_is_watched_on_after_a_look_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []

    def look(pid: int) -> int:
        looks.append(pid)
        if len(looks) == 1:
            raise KeyError("surprise")
        return 3 << 30

    monkeypatch.setattr(supervisor, "resident_bytes", look)
    async with pool_of(watch_seconds=0.05) as pool:
        verdict = await pool.check(theorem(), proof(loop=60), LONG)
        assert verdict.kind is VerdictKind.OUT_OF_RESOURCES
        assert "more than 2100 MiB" in verdict.messages[0].text
