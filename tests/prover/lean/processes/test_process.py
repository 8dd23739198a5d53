"""One worker process, emulated by a scripted one: real pipes and signals, no Lean."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from prover.lean.checker import Terms
from prover.lean.processes.ending import End, HeaderRejectedError, WorkerEndedError, WorkerStartError
from prover.lean.processes.process import WorkerProcess
from prover.lean.runtimes.runtime import Launch
from prover.lean.wire import checks, lines
from tests.support.scripted import ScriptedRuntime, proof, theorem


@contextlib.asynccontextmanager
async def started(runtime: ScriptedRuntime | None = None, **kwargs: Any) -> AsyncIterator[WorkerProcess]:
    runtime = runtime or ScriptedRuntime()
    worker = await WorkerProcess.spawn(runtime.launch(("Init",)), **kwargs)
    try:
        await worker.hello(("Init", "Std"), {}, 30.0)
        yield worker
    finally:
        await worker.close()


def ask(worker: WorkerProcess, name: str = "a", **script: Any) -> asyncio.Future[lines.Fields]:
    return worker.ask(checks.check(theorem(name), proof(**script), Terms()))


async def test_answers_one_request_after_the_other() -> None:
    async with started() as worker:
        for number in range(20):
            fields = await ask(worker, f"t{number}")
            assert fields["theorem"] == f"t{number}"
        assert worker.served == 20


@pytest.mark.parametrize("channel", ["memory", "stdin"])
async def test_cancel_ends_the_work_and_keeps_the_process(channel: Any) -> None:
    async with started(ScriptedRuntime(cancel=channel)) as worker:
        answer = ask(worker, loop=30)
        await asyncio.sleep(0.05)
        assert await worker.cancel(5.0)
        assert (await answer)["verdict"] == "timeout"
        assert (await ask(worker, "b"))["theorem"] == "b"


@pytest.mark.parametrize("channel", ["memory", "stdin"])
async def test_cancel_that_comes_at_once_is_not_lost(channel: Any) -> None:
    async with started(ScriptedRuntime(cancel=channel)) as worker:
        for _ in range(10):
            answer = ask(worker, loop=30)
            assert await worker.cancel(5.0)
            assert (await answer)["verdict"] == "timeout"


async def test_late_cancel_does_not_hit_the_next_request() -> None:
    async with started() as worker:
        for number in range(30):
            answer = ask(worker, f"t{number}")
            await asyncio.wait({answer}, timeout=0.0002 * number)
            assert await worker.cancel(5.0)
            assert (await answer)["verdict"] == "verified"
            assert (await ask(worker, "next", loop=0.01))["verdict"] == "verified"


async def test_cancel_without_answer_or_acknowledgement_fails_within_its_grace() -> None:
    async with started() as worker:
        ask(worker, sleep=60)
        assert not await worker.cancel(0.3)
    async with started(ScriptedRuntime(start={"deaf_control": True})) as worker:
        answer = ask(worker, loop=30)
        assert not await worker.cancel(0.5)
        assert answer.done()


async def test_kill_takes_descendants_in_the_group_and_outside_of_it(tmp_path: Path) -> None:
    for where in ("group", "away"):
        async with started() as worker:
            file = tmp_path / where
            await ask(worker, child=where, pid_file=str(file))
            child = int(file.read_text())
            assert psutil.pid_exists(child)
        deadline = time.monotonic() + 10
        while psutil.pid_exists(child) and psutil.Process(child).status() != psutil.STATUS_ZOMBIE:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)


async def test_crash_is_told_with_its_last_words() -> None:
    async with started() as worker:
        with pytest.raises(WorkerEndedError) as caught:
            await ask(worker, noise="warning\nINTERNAL PANIC: out of luck", exit=3)
        assert caught.value.end is End.CRASHED
        assert worker.why == "exited with status 3"
        assert worker.last_words == "warning\nINTERNAL PANIC: out of luck"


@pytest.mark.parametrize(
    ("number", "end"),
    [("SIGKILL", End.OUTSIDE), ("SIGTERM", End.OUTSIDE), ("SIGSEGV", End.CRASHED), ("SIGABRT", End.CRASHED)],
)
async def test_signals_are_told_apart(number: str, end: End) -> None:
    async with started() as worker:
        with pytest.raises(WorkerEndedError) as caught:
            await ask(worker, signal=number)
        assert caught.value.end is end


async def test_answer_given_just_before_death_counts() -> None:
    async with started() as worker:
        answer = ask(worker, raw='{"id": 2, "ok": true}', signal="SIGSEGV")
        assert await answer == {"id": 2, "ok": True}
        assert await worker.ended is End.CRASHED


@pytest.mark.parametrize("raw", ["nonsense", "[]", '{"id": 99, "ok": true}', '{"id": 1, "ok": true}', "{}"])
async def test_garbage_behind_the_marker_ends_the_process(raw: str) -> None:
    async with started() as worker:
        with pytest.raises(WorkerEndedError) as caught:
            await ask(worker, raw=raw, sleep=30)
        assert caught.value.end is End.PROTOCOL_ERROR


async def test_unasked_answer_ends_the_process() -> None:
    async with started() as worker:
        await ask(worker, raw='{"id": 2, "ok": true}')
        assert await worker.ended is End.PROTOCOL_ERROR


@pytest.mark.parametrize("script", [{}, {"stderr": True}, {"one_line": True}])
async def test_flood_is_drained_in_bounded_memory_and_ends_the_process_past_its_limit(script: dict[str, bool]) -> None:
    async with started(flood_bytes=20 << 20) as worker:
        await ask(worker, noise_bytes=10 << 20, **script)
        await ask(worker, noise_bytes=10 << 20, **script)  # counted per request
        with pytest.raises(WorkerEndedError) as caught:
            await ask(worker, noise_bytes=60 << 20, **script)
        assert caught.value.end is End.FLOOD
        assert len(worker.last_words) < 3_000


async def test_noise_that_looks_like_answers_is_noise() -> None:
    async with started() as worker:
        fields = await ask(worker, noise='@%s {"id": 2, "ok": true}\n{"id": 2, "ok": true}\nno line end' % ("0" * 32))
        assert fields["theorem"] == "a"


async def test_refused_imports_are_told_in_leans_words() -> None:
    worker = await WorkerProcess.spawn(ScriptedRuntime(missing=("Foo",)).launch(()))
    with pytest.raises(HeaderRejectedError, match="unknown module prefix 'Foo'"):
        await worker.hello(("Init", "Foo"), {}, 30.0)
    await worker.close()


@pytest.mark.parametrize(
    ("start", "reason"),
    [
        ({"noise": "no memory\n", "exit": 1}, "it exited with status 1; its last words: no memory"),
        ({"raw": "nonsense", "sleep": 30}, "an answer is not JSON"),
        ({"internal": "no such thing"}, "refused to start: no such thing"),
        ({"signal": "SIGKILL"}, "was killed by signal 9"),
    ],
)
async def test_failed_start_says_why_and_leaves_nothing(start: dict[str, Any], reason: str) -> None:
    worker = await WorkerProcess.spawn(ScriptedRuntime(start=start).launch(()))
    with pytest.raises(WorkerStartError, match=reason):
        await worker.hello(("Init",), {}, 30.0)
    assert not psutil.pid_exists(worker.pid)


async def test_start_that_takes_too_long_is_ended() -> None:
    worker = await WorkerProcess.spawn(ScriptedRuntime(start={"sleep": 60}).launch(()))
    with pytest.raises(WorkerStartError, match=r"was not ready within 0\.2 s"):
        await worker.hello(("Init",), {}, 0.2)
    assert not psutil.pid_exists(worker.pid)


async def test_missing_program_is_named() -> None:
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(WorkerStartError, match="cannot start /no/such/node: No such file or directory"):
            await WorkerProcess.spawn(Launch(["/no/such/node"], {}, Path("/"), "memory"))
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before + 1


async def test_processes_leave_no_descriptors() -> None:
    async with started() as worker:
        await ask(worker)
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        async with started() as worker:
            await ask(worker)
    await asyncio.sleep(0)
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_stack_limit_is_set_for_the_worker_alone() -> None:
    before = resource.getrlimit(resource.RLIMIT_STACK)
    async with started(ScriptedRuntime(stack_bytes=32 << 20)) as worker:
        process = psutil.Process(worker.pid)
        assert process.rlimit(psutil.RLIMIT_STACK)[0] == 32 << 20
        assert process.cmdline()[0] == sys.executable
    assert resource.getrlimit(resource.RLIMIT_STACK) == before


async def test_stopped_process_is_recognised_and_killed() -> None:
    async with started() as worker:
        assert not worker.stopped()
        os.kill(worker.pid, signal.SIGSTOP)
        answer = ask(worker)
        assert not await worker.cancel(0.2)
        assert worker.stopped()
        await worker.close(End.OUTSIDE)
        with pytest.raises(WorkerEndedError):
            await answer


async def test_question_to_a_dead_process_is_answered_with_its_end() -> None:
    async with started() as worker:
        worker.kill(End.RECYCLED, "was old")
        await worker.ended
        with pytest.raises(WorkerEndedError, match="was old"):
            await ask(worker)
