"""Processes whose caller is cancelled while they are started."""

import asyncio
import subprocess

import psutil
import pytest

from prover.concurrency.tasks import spawned


async def _end(process: asyncio.subprocess.Process) -> None:
    process.kill()
    await process.wait()


@pytest.mark.parametrize("steps", range(1, 16))
async def test_process_whose_caller_is_cancelled_at_any_step_of_its_start_is_gone(steps: int) -> None:
    """asyncio alone hung here, and with it the benchmark of leaks."""
    before = set(psutil.Process().children(recursive=True))
    starting = asyncio.create_subprocess_exec("sleep", "600", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    task = asyncio.create_task(spawned(starting, _end))
    for _ in range(steps):
        await asyncio.sleep(0)
    up = task.done()
    task.cancel()
    async with asyncio.timeout(60):
        await asyncio.wait({task})
    if up:
        await _end(task.result())
    else:
        assert task.cancelled()
    assert set(psutil.Process().children(recursive=True)) <= before


async def test_process_that_cannot_be_started_says_so() -> None:
    with pytest.raises(FileNotFoundError):
        await spawned(asyncio.create_subprocess_exec("/nowhere"), _end)
