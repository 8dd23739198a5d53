"""Drawing candidates, without a model."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from functools import partial

import pytest

from prover.candidate import Candidate
from prover.sampling.prompt import PremisesFormat, PromptFormat, SourceFormat
from prover.sampling.questions import Ask, Question, QuestionSampler, draw, first_fitting, whole_proof
from prover.sampling.sampler import PromptTooLongError, SamplingParams
from prover.theorem import Theorem
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


async def encode_characters(question: Question, room: int) -> str:
    """A model that reads and writes 400 characters together."""
    if len(question.prompt) + room > 400:
        raise PromptTooLongError(f"{len(question.prompt)} characters")
    return question.prompt


async def test_a_context_that_is_too_long_is_cut_until_an_answer_has_room() -> None:
    theorem = Theorem("theorem t : f 1 = 2", context="def f (n : Nat) := n + 1\n\n" + "def g := 3\n\n" * 60)
    fitting = await first_fitting(partial(whole_proof, SourceFormat()), theorem, encode_characters, 100)
    assert fitting is not None
    assert 200 <= len(fitting[1]) <= 300
    assert fitting[1].startswith("def f (n : Nat) := n + 1\n\n")
    assert fitting[1].endswith("example : f 1 = 2 :=")


async def test_a_statement_that_is_too_long_alone_is_refused() -> None:
    theorem = Theorem("theorem t : " + "x = y ∧ " * 100, context="def f := 1")
    with pytest.raises(PromptTooLongError):
        await first_fitting(partial(whole_proof, SourceFormat()), theorem, encode_characters, 100)


@pytest.mark.parametrize("best_first", [True, False])
async def test_of_the_candidates_that_wait_the_likeliest_goes_first(best_first: bool) -> None:
    chances = [-3.0, -1.0, None, -2.0, -0.5, -4.0, -9.0, -6.0]

    async def ask(seed: int) -> Candidate:
        return Candidate(str(seed), log_prob=chances[seed], seed=seed)

    handed = []
    async for candidate in draw(SamplingParams(samples=8, seed=0), 4, ask, best_first):
        handed.append(candidate.seed)
        for _ in range(3):
            await asyncio.sleep(0)  # what was begun meanwhile is there
    assert sorted(handed) == list(range(8))
    if best_first:
        assert handed[:3] == [1, 3, 4]  # each time of those that are there; the next is begun when one has gone
        assert handed[-1] == 2  # one without a log-probability is the last
    else:
        assert handed == list(range(8))


class Echo(QuestionSampler):
    """Answers with its prompt."""

    def __init__(self, form: PromptFormat) -> None:
        self.form = form

    async def _draw(self, params: SamplingParams, theorem: Theorem, ask: Ask) -> AsyncGenerator[Candidate, None]:
        question = ask(self.form, await self._informed(self.form, theorem))
        assert question is not None
        yield Candidate(question.prompt)


class Finder:
    """Suggests one theorem."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def premises(self, theorem: Theorem, most: int) -> list[str]:
        self.asked.append(theorem.statement)
        return ["Nat.add_zero"]


async def prompts(sampler: QuestionSampler, theorem: Theorem) -> list[str]:
    asked = [sampler.sample(theorem, SamplingParams()), sampler.continue_proof(theorem, "by", SamplingParams())]
    return [candidate.text for candidates in asked async for candidate in candidates]


async def test_a_model_made_for_it_is_shown_what_the_library_suggests_and_the_library_is_asked_once() -> None:
    sampler, theorem = Echo(PremisesFormat()), Theorem("theorem t (n : Nat) : n + 0 = n")
    assert await prompts(sampler, theorem) == 2 * ["example (n : Nat) : n + 0 = n :="]
    sampler.finder = finder = Finder()
    assert await prompts(sampler, theorem) == 2 * ["-- Nat.add_zero\nexample (n : Nat) : n + 0 = n :="]
    assert finder.asked == [theorem.statement]
    chosen = Theorem(theorem.statement, suggested=("Nat.add_comm",))
    assert "-- Nat.add_comm\n" in (await prompts(sampler, chosen))[0]
    assert len(finder.asked) == 1


async def test_a_model_that_was_not_made_for_suggestions_is_shown_none() -> None:
    sampler = Echo(SourceFormat())
    sampler.finder = finder = Finder()
    assert await prompts(sampler, Theorem("theorem t : True")) == 2 * ["example : True :="]
    assert not finder.asked
