"""Processes whose caller is cancelled while they are started, and work on many items."""

import asyncio
import subprocess

import psutil
import pytest

from prover.concurrency.tasks import for_each, spawned


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


async def test_items_begin_in_order_and_at_most_so_many_are_at_work() -> None:
    began: list[int] = []
    at_work = largest = 0

    async def work(item: int) -> None:
        nonlocal at_work, largest
        began.append(item)
        at_work += 1
        largest = max(largest, at_work)
        for _ in range(item % 3):
            await asyncio.sleep(0)
        at_work -= 1

    await for_each(range(20), work, 4)
    assert began == list(range(20))
    assert (at_work, largest) == (0, 4)


async def test_the_first_exception_ends_the_work_on_all_items_and_is_raised_itself() -> None:
    ended: list[int] = []

    async def work(item: int) -> None:
        if item == 1:
            raise LookupError("no such item")
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(LookupError, match="no such item"):
        await for_each(range(9), work, 3)
    assert sorted(ended) in ([0], [0, 2])
