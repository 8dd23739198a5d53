"""The number of concurrent calls, and the retry delay of the others."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from prover.candidate import Candidate
from prover.errors import UserError
from prover.lean.workers.jobs import Priority
from prover.requests import BusyError, Check
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict, VerdictKind
from service.client.client import Client
from service.core.engine import Engine
from service.core.limits.admission import Room
from service.ops.config import ServerSettings, Settings
from service.server import listening


class Clock:
    """A clock controlled by the test."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def refused(room: Room, priority: Priority = Priority.INTERACTIVE) -> float:
    """After how many seconds whoever comes now is told to come back."""
    with pytest.raises(BusyError) as caught:
        async with room.acquire(priority):
            pass
    return caught.value.seconds


async def test_what_is_not_urgent_leaves_a_quarter_of_the_room() -> None:
    room = Room(4)
    async with contextlib.AsyncExitStack() as inside:
        for _ in range(3):
            await inside.enter_async_context(room.acquire(Priority.BATCH))
        await refused(room, Priority.BATCH)
        await inside.enter_async_context(room.acquire(Priority.INTERACTIVE))
        await refused(room)
    async with room.acquire(Priority.BATCH):
        pass


async def test_those_who_are_refused_come_back_one_after_the_other_as_places_become_free() -> None:
    clock = Clock()
    room = Room(2, clock=clock)
    for _ in range(100):  # each place is held for 8 s: one becomes free every 4 s
        async with room.acquire(Priority.INTERACTIVE):
            clock.now += 8
    async with room.acquire(Priority.INTERACTIVE), room.acquire(Priority.INTERACTIVE):
        turns = [await refused(room) for _ in range(10)]
        assert turns[:7] == pytest.approx([4, 8, 12, 16, 20, 24, 28], rel=0.01)
        assert turns[7:] == [30, 30, 30]
        clock.now += 60
        assert await refused(room) == pytest.approx(4, rel=0.01), "those turns are over"


async def test_nobody_is_told_to_come_back_at_once() -> None:
    room = Room(1, clock=Clock())
    async with room.acquire(Priority.INTERACTIVE):
        assert await refused(room) == 1.0


async def test_a_place_that_becomes_free_in_time_goes_to_who_waits_longest() -> None:
    room, inside = Room(1, patience_seconds=60), list[str]()

    async def visit(name: str) -> None:
        async with room.acquire(Priority.INTERACTIVE):
            inside.append(name)

    async with asyncio.TaskGroup() as visitors, room.acquire(Priority.INTERACTIVE):
        for name in "abc":
            visitors.create_task(visit(name))
        await asyncio.sleep(0)
        assert inside == []
    assert inside == ["a", "b", "c"]


TRUE = Check(Theorem("theorem a : True"), Candidate("trivial"))


class Slow(Engine):
    """Verifies whatever is checked, when told so."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.checking = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()

    async def check(self, request: Check) -> Verdict:
        self.checking.release()
        await self.go_on.wait()
        return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)


async def test_streams_and_single_checks_share_the_room_and_are_all_answered() -> None:
    server = ServerSettings(listen="127.0.0.1:0", checks=3, check_patience_seconds=0.1)
    engine = Slow(Settings(server=server))

    async def items() -> AsyncIterator[tuple[str, Check]]:
        for number in range(4):
            yield str(number), TRUE

    async def stream() -> list[Verdict | UserError]:
        return [answer async for _, answer in client.check_all(items())]

    async with (
        listening(engine, Settings(server=server), asyncio.Event()) as (address, _),
        Client(address, Settings()) as client,
        asyncio.timeout(60),
    ):
        streaming = asyncio.create_task(stream())
        for _ in range(3):
            await engine.checking.acquire()
        with pytest.raises(BusyError, match="try again later, in") as caught:
            await client.check(TRUE)
        assert caught.value.seconds >= 1
        refused = await stream()
        assert [type(answer) for answer in refused] == [BusyError] * 4, "the stream itself goes on"
        engine.go_on.set()
        answers = await streaming
        assert sum(isinstance(answer, Verdict) for answer in answers) == 3
        assert sum(isinstance(answer, BusyError) for answer in answers) == 1
        assert [type(answer) for answer in await stream()] == [Verdict] * 4
        assert (await client.check(TRUE)).verified
