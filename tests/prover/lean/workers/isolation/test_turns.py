"""Places for clients whose code runs in elaborators."""

import asyncio

from prover.lean.workers.isolation.turns import Turns


async def test_places_are_given_in_the_order_of_asking() -> None:
    turns = Turns(most=1, seconds=60.0)
    first = await turns.take()
    order: list[str] = []

    async def take(name: str) -> None:
        stay = await turns.take()
        order.append(name)
        await stay.end()

    waiting = [asyncio.create_task(take(name)) for name in "abc"]
    await asyncio.sleep(0)
    assert order == []
    await first.end()
    await asyncio.gather(*waiting)
    assert order == ["a", "b", "c"]


async def test_a_place_is_given_back_once() -> None:
    turns = Turns(most=1, seconds=60.0)
    stay = await turns.take()
    await stay.end()
    await stay.end()
    await turns.take()
    third = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    assert not third.done()
    third.cancel()


async def test_a_turn_is_over_only_while_somebody_waits() -> None:
    turns = Turns(most=1, seconds=0.0)
    stay = await turns.take()
    await asyncio.sleep(0.001)
    assert not stay.over
    waiting = asyncio.create_task(turns.take())
    await asyncio.sleep(0)
    assert stay.over
    waiting.cancel()
    await asyncio.wait([waiting])
    assert not stay.over
