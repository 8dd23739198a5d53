"""The search on scripted samplers and a scripted checker: budgets, order and cancellation, without Lean.

tests/prover/search/test_search_lean.py runs it on the real ones.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.options import Budget
from prover.sampling.sampler import PromptTooLongError, SamplingParams, WeightsReplacedError
from prover.search.diversity import normalise
from prover.search.search import DEFAULT_BUDGET, DEFAULT_OPTIONS, Ending, Event, Finished, Progress, Proof, ProofSearch
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict, VerdictKind

THEOREM = Theorem("theorem t : True")


@dataclass
class ScriptedSampler:
    """Proposes given texts, waiting a number of loop turns before each; then ends, waits for ever, or fails."""

    texts: Sequence[str]
    turns: int = 0
    then: str = "end"
    name: str = "scripted"
    proposed: int = 0
    closed: bool = False
    asked_for: list[int] = field(default_factory=list)

    async def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        self.asked_for.append(params.samples)
        try:
            for text in self.texts:
                for _ in range(self.turns):
                    await asyncio.sleep(0)
                self.proposed += 1
                yield Candidate(text, source=self.name)
            if self.then == "fail":
                raise RuntimeError("the sampler fails")
            if self.then == "too long":
                raise PromptTooLongError("the theorem is too long")
            if self.then == "wait":
                await asyncio.Event().wait()
        finally:
            self.closed = True

    async def start(self) -> None: ...

    async def close(self) -> None: ...


@dataclass
class ScriptedChecker:
    """Reads the verdict off the candidate: `ok` verified, `low` only elaborated, `hang` never; else rejected."""

    turns: int = 1
    checked: list[str] = field(default_factory=list)
    running: int = 0
    most_running: int = 0

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        self.checked.append(candidate.text)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
            if "hang" in candidate.text:
                await asyncio.Event().wait()
            if "broken" in candidate.text:
                raise RuntimeError("the checker fails")
        finally:
            self.running -= 1
        if "ok" in candidate.text:
            return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)
        if "low" in candidate.text:
            return Verdict(VerdictKind.VERIFIED, Trust.ELABORATED)
        if "invalid" in candidate.text:
            return Verdict(VerdictKind.INVALID_STATEMENT)
        return Verdict(VerdictKind.REJECTED)


async def collect(
    plan: Sequence[Sequence[ScriptedSampler]],
    budget: Budget = DEFAULT_BUDGET,
    checker: ScriptedChecker | None = None,
    concurrency: int = 2,
    options: SearchTerms = DEFAULT_OPTIONS,
) -> list[Event]:
    search = ProofSearch(checker or ScriptedChecker(), concurrency)
    return [event async for event in search.prove(THEOREM, plan, budget, options)]


def ending(events: list[Event]) -> Ending:
    assert isinstance(events[-1], Finished)
    return events[-1].ending


def proofs(events: list[Event]) -> list[str]:
    return [event.candidate.text for event in events if isinstance(event, Proof)]


words = st.sampled_from(["a", "b", "b -- again", "ok", "ok  -- again", "ok two", "ok three", "low", "c", "d", "e"])
samplers = st.builds(ScriptedSampler, st.lists(words, max_size=8), st.integers(0, 4))
plans = st.lists(st.lists(samplers, min_size=1, max_size=3), max_size=3)
budgets = st.builds(
    Budget, st.integers(1, 12), st.one_of(st.none(), st.integers(1, 8)), st.just(60.0), st.integers(1, 4)
)


@settings(max_examples=300)
@given(plans, budgets, st.integers(1, 4), st.integers(0, 3))
def test_no_budget_is_ever_exceeded_and_every_ending_is_true(plan, budget, concurrency, turns):
    checker = ScriptedChecker(turns)
    events = asyncio.run(collect(plan, budget, checker, concurrency))
    finished = events[-1]
    assert isinstance(finished, Finished)
    spent = finished.spent
    keys = [normalise(text) for text in checker.checked]

    assert len(keys) == len(set(keys)), "the same proof was checked twice"
    assert spent.sampled <= budget.samples
    assert len(checker.checked) <= (budget.checks or budget.samples)
    assert checker.most_running <= concurrency
    assert checker.running == 0
    assert all(sampler.closed for stage in plan for sampler in stage if sampler.proposed)
    assert spent.proofs == len(proofs(events)) <= budget.proofs
    assert all("ok" in text for text in proofs(events))
    assert spent.checked == finished.verdicts.get(VerdictKind.VERIFIED, 0) + finished.verdicts.get(
        VerdictKind.REJECTED, 0
    )
    offered = {normalise(text) for stage in plan for sampler in stage for text in sampler.texts}
    match finished.ending:
        case Ending.PROOFS_FOUND:
            assert spent.proofs == budget.proofs
        case Ending.SAMPLES_SPENT:
            assert spent.sampled == budget.samples
        case Ending.CHECKS_SPENT:
            assert len(checker.checked) == spent.checked == budget.checks
        case Ending.SAMPLERS_EXHAUSTED:
            assert set(keys) == offered
            assert spent.checked == spent.distinct == len(offered)
        case _:
            pytest.fail(f"nothing could end it so: {finished.ending}")


async def test_a_proof_is_handed_on_while_other_checks_still_run() -> None:
    search = ProofSearch(ScriptedChecker(), 2)
    async for event in search.prove(THEOREM, [[ScriptedSampler(["hang", "ok"])]], Budget(proofs=2)):
        if isinstance(event, Proof):
            break
    assert event.candidate.text == "ok"


async def test_meeting_the_goal_aborts_hanging_checks_and_waiting_samplers() -> None:
    sampler, checker = ScriptedSampler(["hang", "ok"], then="wait"), ScriptedChecker()
    events = await collect([[sampler]], Budget(proofs=1), checker)
    assert ending(events) is Ending.PROOFS_FOUND
    assert proofs(events) == ["ok"]
    assert sampler.closed
    assert checker.running == 0


async def test_time_ends_a_search_that_hangs() -> None:
    sampler, checker = ScriptedSampler(["hang"], then="wait"), ScriptedChecker()
    events = await collect([[sampler]], Budget(seconds=0.05), checker)
    assert ending(events) is Ending.SECONDS_SPENT
    assert sampler.closed
    assert checker.running == 0


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_a_caller_who_leaves_aborts_all_work(how: str) -> None:
    sampler, checker = ScriptedSampler(["a", "hang"], then="wait"), ScriptedChecker()
    search = ProofSearch(checker, 2)
    tasks_before = len(asyncio.all_tasks())
    events = search.prove(THEOREM, [[sampler]])
    assert isinstance(await anext(events), Progress)
    if how == "close":
        await events.aclose()
    else:
        reader = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0.01)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
    assert sampler.closed
    assert checker.running == 0
    assert len(asyncio.all_tasks()) == tasks_before


async def test_a_later_stage_runs_only_if_the_earlier_one_left_something_to_do() -> None:
    second = ScriptedSampler(["ok"])
    assert ending(await collect([[ScriptedSampler(["a"])], [second]])) is Ending.PROOFS_FOUND
    assert second.asked_for == [DEFAULT_BUDGET.samples - 1]
    second = ScriptedSampler(["ok"])
    assert proofs(await collect([[ScriptedSampler(["ok"])], [second]])) == ["ok"]
    assert second.asked_for == []


async def test_an_ending_is_not_rewritten_by_a_task_woken_in_the_same_breath() -> None:
    events = await collect([[ScriptedSampler(["ok", "a"])]], Budget(2, 2, proofs=1), ScriptedChecker(0), 1)
    assert ending(events) is Ending.PROOFS_FOUND


async def test_a_slow_sampler_does_not_hold_up_a_quick_one_beside_it() -> None:
    slow, quick = ScriptedSampler([], then="wait"), ScriptedSampler(["a", "b", "ok"])
    assert ending(await collect([[slow, quick]], concurrency=1)) is Ending.PROOFS_FOUND


async def test_a_slow_sampler_does_not_hold_up_the_end_when_the_samples_are_spent() -> None:
    slow, quick = ScriptedSampler([], then="wait"), ScriptedSampler(["a", "b"])
    assert ending(await collect([[slow, quick]], Budget(samples=2))) is Ending.SAMPLES_SPENT


async def test_proofs_below_the_wanted_trust_are_not_returned() -> None:
    assert proofs(await collect([[ScriptedSampler(["low"])]])) == []
    isolated = SearchTerms(trust=Trust.ISOLATED_REPLAY)
    assert proofs(await collect([[ScriptedSampler(["ok"])]], options=isolated)) == []


async def test_elaboration_alone_cannot_be_asked_for_as_trust() -> None:
    with pytest.raises(ValueError, match="KERNEL_REPLAYED"):
        await collect([], options=SearchTerms(trust=Trust.ELABORATED))


async def test_an_invalid_statement_ends_the_search_with_its_verdict() -> None:
    events = await collect([[ScriptedSampler(["invalid", "ok", "ok two"], turns=5)]])
    assert ending(events) is Ending.INVALID_STATEMENT
    assert events[-1].verdict == Verdict(VerdictKind.INVALID_STATEMENT)


async def test_a_failing_checker_ends_the_search_with_its_own_exception() -> None:
    sampler = ScriptedSampler(["broken"], then="wait")
    with pytest.raises(RuntimeError, match="checker fails"):
        await collect([[sampler]])
    assert sampler.closed


async def test_a_failing_sampler_is_reported_only_if_the_others_find_nothing() -> None:
    assert proofs(await collect([[ScriptedSampler([], then="fail"), ScriptedSampler(["a", "ok"], turns=3)]])) == ["ok"]
    assert proofs(await collect([[ScriptedSampler([], then="fail")], [ScriptedSampler(["ok"])]])) == ["ok"]
    with pytest.raises(RuntimeError, match="sampler fails"):
        await collect([[ScriptedSampler([], then="fail"), ScriptedSampler(["a"])], [ScriptedSampler(["b"])]])


async def test_a_failing_sampler_does_not_spoil_a_search_that_wants_more_proofs_than_it_found() -> None:
    stages = [[ScriptedSampler([], then="fail"), ScriptedSampler(["ok"], turns=3)]]
    assert proofs(await collect(stages, Budget(proofs=2))) == ["ok"]


async def test_a_budget_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="positive"):
        await collect([], Budget(checks=0))


async def test_a_sampler_for_which_a_theorem_is_too_long_leaves_the_search_to_others() -> None:
    too_long, other = ScriptedSampler([], then="too long"), ScriptedSampler(["bad", "worse"])
    assert ending(await collect([[too_long, other]])) is Ending.SAMPLERS_EXHAUSTED
    assert other.proposed == 2
    with pytest.raises(PromptTooLongError):
        await collect([[too_long]])


async def test_new_weights_are_asked_for_the_samples_that_the_old_ones_did_not_give() -> None:
    asked: list[tuple[int, int | None]] = []

    class Replaced(ScriptedSampler):
        async def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
            asked.append((params.samples, params.seed))
            yield Candidate(f"bad {len(asked)}")
            if len(asked) == 1:
                raise WeightsReplacedError("new weights")

    options = replace(DEFAULT_OPTIONS, params=SamplingParams(seed=40))
    found = await collect([[Replaced([])]], Budget(samples=8), options=options)
    assert asked == [(8, 40), (7, 41)]
    assert ending(found) is Ending.SAMPLERS_EXHAUSTED
