"""The assignment of jobs to workers, and changes of their imports."""

import asyncio
from dataclasses import dataclass
from typing import Any

from prover.lean.wire.role import ping
from prover.lean.workers.jobs import Job, JobQueue, Priority
from prover.lean.workers.scheduling.scheduler import import_switch, next_pair

DEFAULT, OTHER, THIRD = ("Init", "Std"), ("Init",), ("Init", "Std.Data")


@dataclass
class Place:
    imports: tuple[str, ...] = DEFAULT
    idle_since: float | None = 0.0
    busy: bool = False
    up_since: float = 0.0
    fresh: bool = False


def queue_of(*jobs: Job[Any]) -> JobQueue:
    queue = JobQueue(100, 100_000)
    for each in jobs:
        queue.push(each)
    return queue


def job(
    imports: tuple[str, ...] = DEFAULT,
    order: int = 0,
    priority: Priority = Priority.INTERACTIVE,
    arrived: float = 100.0,
    **kwargs: Any,
) -> Job[Any]:
    return Job(ping(), imports, priority, 1.0, arrived, order, asyncio.get_event_loop().create_future(), **kwargs)


async def test_used_workers_go_first_so_that_fresh_ones_stay_fresh() -> None:
    assert next_pair([Place(fresh=True), Place()], queue_of(job()), 2)[0] == 1  # type: ignore[index]


async def test_spares_do_not_work_beside_the_others() -> None:
    assert next_pair([Place(idle_since=None, busy=True), Place()], queue_of(job()), 1) is None


async def test_urgent_job_goes_first_whatever_its_imports() -> None:
    places = [Place(), Place(OTHER)]
    queue = queue_of(job(order=0, priority=Priority.BATCH), job(OTHER, order=1))
    index, first = next_pair(places, queue, 1) or (None, None)
    assert index == 1
    assert first is not None
    assert first.imports == OTHER


async def test_job_that_killed_a_worker_gets_the_fresh_one() -> None:
    places = [Place(), Place(fresh=True)]
    killer, other = job(order=0, deaths=1), job(order=1)
    assert next_pair(places, queue_of(killer, other), 2) == (1, killer)
    assert next_pair(places[:1], queue_of(killer, other), 2) == (0, other)
    assert next_pair(places[:1], queue_of(killer), 2) is None


async def test_unknown_imports_get_an_idle_worker_at_once() -> None:
    assert import_switch([Place(), Place(idle_since=50.0)], queue_of(job(OTHER)), DEFAULT, 100.0, 10.0) == (0, OTHER)


async def test_busy_workers_are_left_alone() -> None:
    assert import_switch([Place(idle_since=None)], queue_of(job(OTHER)), DEFAULT, 1_000.0, 10.0) is None


async def test_worker_with_work_of_its_own_is_taken_only_after_patience() -> None:
    queue = queue_of(job(), job(OTHER, order=1))
    assert import_switch([Place()], queue, DEFAULT, 105.0, 10.0) is None
    assert import_switch([Place()], queue, DEFAULT, 111.0, 10.0) == (0, OTHER)


async def test_worker_that_was_just_taken_serves_its_set_before_it_is_taken_back() -> None:
    queue = queue_of(job(), job(OTHER, order=1))
    assert import_switch([Place(up_since=500.0)], queue, DEFAULT, 505.0, 10.0) is None
    assert import_switch([Place(up_since=500.0)], queue, DEFAULT, 511.0, 10.0) == (0, OTHER)


async def test_extra_workers_for_a_set_come_from_long_idle_ones_and_leave_the_default_one() -> None:
    busy = Place(OTHER, idle_since=None, busy=True)
    queue = queue_of(job(OTHER))
    assert import_switch([busy, Place()], queue, DEFAULT, 1_000.0, 10.0) is None
    assert import_switch([busy, Place(), Place()], queue, DEFAULT, 1_000.0, 10.0) == (1, OTHER)
    assert import_switch([busy, Place(), Place()], queue, DEFAULT, 105.0, 10.0) is None
    assert import_switch([busy, Place(), Place(THIRD, idle_since=995.0)], queue, DEFAULT, 1_000.0, 10.0) is None


async def test_sets_that_have_their_worker_need_no_switch() -> None:
    starting = Place(OTHER, idle_since=None)
    assert import_switch([starting, Place()], queue_of(job(OTHER)), DEFAULT, 101.0, 10.0) is None


async def test_where_too_many_were_switched_only_the_default_set_gets_workers() -> None:
    queue = queue_of(job(OTHER))
    assert import_switch([Place(), Place(THIRD)], queue, DEFAULT, 1_000.0, 10.0, away=False) is None
    queue = queue_of(job(OTHER), job(order=1))
    assert import_switch([Place(THIRD)], queue, DEFAULT, 1_000.0, 10.0, away=False) == (0, DEFAULT)
