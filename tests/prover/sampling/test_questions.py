"""How candidates are drawn, without a model."""

import asyncio
import contextlib

from prover.candidate import Candidate
from prover.sampling.questions import draw
from prover.sampling.sampler import SamplingParams
from tests.support.waiting import becomes


class Asked:
    """What was asked of a model that answers when it is told to."""

    def __init__(self) -> None:
        self.seeds: list[int] = []
        self.answers: list[asyncio.Future[Candidate]] = []

    async def __call__(self, seed: int) -> Candidate:
        self.seeds.append(seed)
        self.answers.append(asyncio.get_running_loop().create_future())
        return await self.answers[-1]

    def answer(self, number: int) -> None:
        self.answers[number].set_result(Candidate(str(number), seed=self.seeds[number]))


async def test_a_reader_that_waits_has_ever_more_candidates_in_work_up_to_the_width() -> None:
    asked = Asked()
    async with contextlib.aclosing(draw(SamplingParams(samples=1000, seed=5), 24, asked)) as candidates:
        first = asyncio.ensure_future(anext(candidates))
        assert await becomes(lambda: len(asked.seeds) == 24)
        await asyncio.sleep(0.3)
        assert asked.seeds == list(range(5, 29))
        asked.answer(3)
        assert (await first).seed == 8
    assert sum(answer.cancelled() for answer in asked.answers) == 23


async def test_nothing_is_sampled_ahead_of_a_reader_that_does_not_wait() -> None:
    asked = Asked()
    async with contextlib.aclosing(draw(SamplingParams(samples=1000, seed=5), 64, asked)) as candidates:
        first = asyncio.ensure_future(anext(candidates))
        assert await becomes(lambda: len(asked.seeds) > 0)
        begun = len(asked.seeds)
        for number in range(begun):
            asked.answer(number)
        await first
        await asyncio.sleep(0.5)  # the reader is busy with what it has got
        assert len(asked.seeds) == begun


async def test_every_seed_is_asked_once() -> None:
    async def ask(seed: int) -> Candidate:
        await asyncio.sleep(0)
        return Candidate("", seed=seed)

    drawn = [candidate.seed async for candidate in draw(SamplingParams(samples=100, seed=2**63 - 50), 16, ask)]
    assert sorted(drawn, key=lambda seed: (seed + 50) % 2**63) == [(2**63 - 50 + i) % 2**63 for i in range(100)]
