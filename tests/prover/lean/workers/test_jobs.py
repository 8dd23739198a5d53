"""The queue: order, bounds, import sets."""

import asyncio
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.lean.wire.role import ping
from prover.lean.workers.jobs import BATCH_TURN, Job, JobQueue, PoolBusyError, Priority

A, B = ("Init",), ("Init", "Std")


def job(order: int, imports: tuple[str, ...] = A, priority: Priority = Priority.BATCH, **kwargs: Any) -> Job[Any]:
    future: asyncio.Future[Any] = asyncio.get_event_loop().create_future()
    return Job(ping(), imports, priority, 1.0, float(order), order, future, **kwargs)


async def test_retried_jobs_then_priority_then_arrival() -> None:
    queue = JobQueue(10, 10_000)
    jobs = [job(0), job(1, priority=Priority.INTERACTIVE), job(2, disturbances=1), job(3, B), job(4)]
    for each in jobs:
        queue.push(each)
    taken = []
    while head := queue.head(A, fresh=False):
        queue.discard(head)
        taken.append(head.order)
    assert taken == [2, 1, 0, 4]
    assert len(queue) == 1


async def test_batches_go_on_slowly_where_others_ask_without_end() -> None:
    """No batch item was scheduled while anything else waited: four items took a minute."""
    queue, taken = JobQueue(1000, 1_000_000), []
    for order in range(3):
        queue.push(job(order, priority=Priority.BATCH))
    for order in range(3, 100):
        queue.push(job(order, priority=Priority.INTERACTIVE))
    for _ in range(4 * BATCH_TURN):
        head = queue.head(A, fresh=False)
        assert head is not None
        queue.take(head)
        taken.append(head.priority)
    batches = [place for place, priority in enumerate(taken, 1) if priority is Priority.BATCH]
    assert batches == [BATCH_TURN, 2 * BATCH_TURN, 3 * BATCH_TURN]


async def test_a_job_tells_how_long_it_waited() -> None:
    told: list[float] = []
    queue, waiting = JobQueue(10, 10_000), job(0, wait=told.append)
    queue.push(waiting)
    await asyncio.sleep(0.01)
    queue.discard(waiting)
    queue.discard(waiting)
    assert len(told) == 1
    assert told[0] >= 0.01


async def test_job_that_killed_a_worker_waits_for_a_fresh_one() -> None:
    queue = JobQueue(10, 10_000)
    killer, other = job(0, deaths=1), job(1)
    queue.push(killer)
    queue.push(other)
    assert queue.head(A, fresh=False) is other
    assert queue.head(A, fresh=True) is killer


async def test_queue_is_bounded_by_number_and_by_bytes_but_not_for_retries() -> None:
    queue = JobQueue(2, 10_000)
    for order in range(2):
        queue.push(job(order))
    with pytest.raises(PoolBusyError, match="2 requests wait already"):
        queue.push(job(2))
    queue.push(job(3, deaths=1))
    small = JobQueue(100, 2 * len(ping().body))
    small.push(job(0))
    first = job(1)
    small.push(first)
    with pytest.raises(PoolBusyError):
        small.push(job(2))
    small.discard(first)
    small.push(job(3))


@given(st.lists(st.tuples(st.integers(0, 5), st.sampled_from([A, B]), st.booleans())))
async def test_counts_are_right_whatever_comes_and_goes(steps: list[tuple[int, tuple[str, ...], bool]]) -> None:
    queue = JobQueue(4, 10_000)
    waiting: dict[int, Job[Any]] = {}
    for order, imports, arrives in steps:
        if not arrives:
            if order in waiting:
                queue.discard(waiting[order])
                queue.discard(waiting.pop(order))
        elif order not in waiting and len(waiting) < 4:
            waiting[order] = job(order, imports)
            queue.push(waiting[order])
        assert len(queue) == len(waiting)
        assert {key for key, _ in queue.import_sets()} == {each.imports for each in waiting.values()}
    assert {each.order for each in queue.drain(A)} == {order for order, each in waiting.items() if each.imports == A}
    queue.drain()
    assert len(queue) == 0
    assert queue._bytes == 0
