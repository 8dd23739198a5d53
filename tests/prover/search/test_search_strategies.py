"""Searches with strategies, on scripted samplers and a scripted checker: one budget, one ending.

tests/prover/search/strategies/ runs the strategies on real parts.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.options import Budget, Preference
from prover.search.diversity import Diversity
from prover.search.search import Ending, Event, Finished, Minimised, Progress, Proof, ProofSearch, Waste
from prover.search.strategies.independent import PortfolioFirst
from prover.search.strategies.strategy import SearchContext, Strategy
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Verdict
from tests.prover.search.test_search import ScriptedChecker, ScriptedSampler

THEOREM = Theorem("theorem t (p : Prop) : p → p")


@dataclass
class Scripted:
    """A strategy that is one function."""

    work: Callable[[SearchContext], Coroutine[Any, Any, None]]
    name: str = "scripted"
    ended: str = ""

    async def run(self, context: SearchContext) -> None:
        try:
            await self.work(context)
            self.ended = "done"
        except asyncio.CancelledError:
            self.ended = "cancelled"
            raise


@dataclass
class Questions:
    """A stand-in for requests to Lean other than checks."""

    turns: int = 1
    asked: int = 0
    running: int = 0
    most_running: int = 0

    async def __call__(self) -> str:
        self.asked += 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            for _ in range(self.turns):
                await asyncio.sleep(0)
        finally:
            self.running -= 1
        return "answer"


@dataclass
class TimedChecker(ScriptedChecker):
    """Verifies texts with `ok`, in as many heartbeats as the last word."""

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        verdict = await super().check(theorem, candidate, terms)
        return replace(verdict, heartbeats=int(candidate.text.split()[-1])) if verdict.verified else verdict


async def collect(
    plan: Sequence[Sequence[Strategy]],
    budget: Budget,
    checker: ScriptedChecker | None = None,
    options: SearchTerms | None = None,
    concurrency: int = 2,
) -> tuple[list[Event], Finished]:
    search = ProofSearch(checker or ScriptedChecker(), concurrency)
    events = [event async for event in search.prove(THEOREM, plan, budget, options or SearchTerms())]
    assert isinstance(events[-1], Finished)
    return events, events[-1]


async def test_questions_count_as_checks_and_those_spent_end_the_strategy() -> None:
    questions = Questions()

    async def ask_for_ever(context: SearchContext) -> None:
        while True:
            assert await context.ask(questions) == "answer"

    strategy = Scripted(ask_for_ever)
    events, finished = await collect([[strategy]], Budget(checks=5, seconds=60))
    assert finished.ending is Ending.CHECKS_SPENT
    assert questions.asked == 5
    assert strategy.ended == "cancelled"
    assert [event.requests for event in events if isinstance(event, Progress)] == [1, 2, 3, 4]
    assert finished.spending[0].requests == 5


async def test_a_check_that_was_begun_is_finished_when_questions_use_the_budget_up() -> None:
    async def check_then_ask(context: SearchContext) -> None:
        await context.submit(Candidate("slow a"))
        await context.ask(Questions(turns=0))
        await asyncio.Event().wait()

    _, finished = await collect([[Scripted(check_then_ask)]], Budget(checks=2), ScriptedChecker(turns=20))
    assert finished.ending is Ending.CHECKS_SPENT
    assert finished.spent.checked == 1


@settings(max_examples=150)
@given(
    st.lists(st.lists(st.sampled_from(["ask", "check", "sample"]), max_size=10), min_size=1, max_size=3),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(1, 3),
    st.integers(0, 3),
)
def test_no_budget_is_exceeded_by_any_mixture(
    scripts: list[list[str]], checks: int, samples: int, concurrency: int, turns: int
) -> None:
    questions, checker = Questions(turns), ScriptedChecker(turns)

    def follow(script: list[str], number: int) -> Scripted:
        sampler = ScriptedSampler([f"a {number} {place}" for place in range(len(script))])

        async def work(context: SearchContext) -> None:
            proposed = context.sample(lambda params: sampler.sample(THEOREM, params))
            async with contextlib.aclosing(proposed) as candidates:
                for place, what in enumerate(script):
                    if what == "ask":
                        await context.ask(questions)
                    elif what == "check":
                        await context.submit(Candidate(f"b {number} {place}"))
                    elif (candidate := await anext(candidates, None)) is not None:
                        await context.submit(candidate)

        return Scripted(work, f"number {number}")

    strategies = [follow(script, number) for number, script in enumerate(scripts)]
    budget = Budget(samples, checks, 60.0)
    _, finished = asyncio.run(collect([strategies], budget, checker, concurrency=concurrency))
    spent = finished.spent
    assert questions.asked + len(checker.checked) <= checks
    assert spent.sampled <= samples
    assert max(questions.most_running, checker.most_running) <= concurrency
    assert questions.running == checker.running == 0
    assert sum(each.requests for each in finished.spending) == questions.asked
    assert sum(each.checked for each in finished.spending) == len(checker.checked) == spent.checked
    assert sum(each.sampled for each in finished.spending) == spent.sampled
    if finished.ending is Ending.SAMPLERS_EXHAUSTED:
        assert all(strategy.ended == "done" for strategy in strategies)
        assert questions.asked + len(checker.checked) == sum(len(script) for script in scripts)


async def test_samples_spent_end_the_waiting_for_more_but_not_the_strategy() -> None:
    async def sample_then_check(context: SearchContext) -> None:
        slow = ScriptedSampler([], then="wait")
        assert [each async for each in context.sample(lambda params: slow.sample(THEOREM, params))] == []
        assert slow.closed
        verdict = await context.submit(Candidate("ok"))
        assert verdict is not None
        await verdict

    events, finished = await collect(
        [[Scripted(sample_then_check), ScriptedSampler(["a"])]], Budget(samples=1, proofs=1)
    )
    assert finished.ending is Ending.PROOFS_FOUND
    assert [event.candidate.text for event in events if isinstance(event, Proof)] == ["ok"]


async def test_a_strategy_hears_the_verdict_of_what_it_submits_once() -> None:
    heard = []

    async def work(context: SearchContext) -> None:
        for text in ("a", "a -- again", "b"):
            verdict = await context.submit(Candidate(text))
            heard.append(None if verdict is None else (await verdict).kind.value)

    await collect([[Scripted(work)]], Budget())
    assert heard == ["rejected", None, "rejected"]


async def test_a_strategy_that_fails_inside_a_group_is_reported_with_its_own_error() -> None:
    async def fail() -> None:
        raise RuntimeError("no model")

    async def work(context: SearchContext) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())

    with pytest.raises(RuntimeError, match="no model"):
        await collect([[Scripted(work)]], Budget())
    _, finished = await collect([[Scripted(work), ScriptedSampler(["ok"])]], Budget())
    assert finished.ending is Ending.PROOFS_FOUND


async def test_proofs_that_differ_in_bound_names_only_are_one_and_later_ones_are_not_checked() -> None:
    checker = ScriptedChecker()
    sampler = ScriptedSampler(["fun h => ok h", "fun k => ok k", "fun p => ok p"], turns=10)
    _, finished = await collect([[sampler]], Budget(proofs=3), checker)
    assert [proof.candidate.text for proof in finished.proofs] == ["fun h => ok h", "fun p => ok p"]
    assert len(checker.checked) == 2


@pytest.mark.parametrize(
    ("prefer", "best"),
    [(Preference.FIRST, ["ok a b c 7"]), (Preference.FASTEST, ["ok a b 3"]), (Preference.SHORTEST, ["ok 5"])],
)
async def test_the_preferred_of_more_proofs_than_wanted_is_the_answer(prefer: Preference, best: list[str]) -> None:
    sampler = ScriptedSampler(["ok a b c 7", "ok a b 3", "ok 5", "ok a 9"], turns=9)
    events, finished = await collect([[sampler]], Budget(proofs=1), TimedChecker(), SearchTerms(prefer=prefer))
    assert [proof.candidate.text for proof in finished.proofs] == best
    assert finished.ending is Ending.PROOFS_FOUND
    assert len([event for event in events if isinstance(event, Proof)]) == (1 if prefer is Preference.FIRST else 3)
    assert finished.diversity == Diversity.of_proofs([(best[0], 1)])


async def test_proofs_are_minimised_on_request_after_the_search_and_stay_distinct() -> None:
    proofs = ["by\n  simp [a]\n  ok", "by\n  simp [b]\n  ok"]
    checker = ScriptedChecker()
    events, finished = await collect(
        [[ScriptedSampler(proofs)]], Budget(proofs=2, checks=2), checker, SearchTerms(minimise=9), concurrency=1
    )
    shorter = [event for event in events if isinstance(event, Minimised)]
    assert [each.proof.candidate.text for each in shorter] == ["by\n  ok"]
    assert shorter[0].original.candidate.text == proofs[0]
    # The second would come to the same; it is left as another proof.
    assert [proof.candidate.text for proof in finished.proofs] == ["by\n  ok", proofs[1]]
    assert len(checker.checked) <= 2 + 2 * 9
    assert finished.spent.checked == 2


async def test_looking_for_more_proofs_to_choose_among_leaves_time_to_minimise() -> None:
    sampler = ScriptedSampler(["by\n  simp [a]\n  ok"], then="wait")
    terms = SearchTerms(prefer=Preference.SHORTEST, minimise=9)
    _, finished = await collect([[sampler]], Budget(proofs=1, seconds=1.0), ScriptedChecker(), terms)
    assert [proof.candidate.text for proof in finished.proofs] == ["by\n  ok"]


async def test_what_is_under_way_when_the_goal_is_met_is_reported_as_waste() -> None:
    @dataclass
    class Costly(ScriptedSampler):
        async def sample(self, theorem: Theorem, params: Any) -> Any:
            async for candidate in super().sample(theorem, params):
                yield replace(candidate, tokens=10)

    sampler = Costly(["hang a", "hang b", "ok", "c"])
    _, finished = await collect([[sampler]], Budget(proofs=1), concurrency=3)
    assert finished.spent.tokens == 10 * finished.spent.sampled == 40
    # Two checks that hang, and a candidate that waits for a worker.
    assert finished.waste == Waste(samples=3, tokens=30, checks=2)
    _, finished = await collect([[Costly(["a", "b"])]], Budget(proofs=1))
    assert finished.waste == Waste()


async def test_leaving_a_search_frees_whoever_waits_for_an_answer() -> None:
    questions = Questions(turns=10**9)

    async def work(context: SearchContext) -> None:
        await context.ask(questions)

    strategy = Scripted(work)
    search = ProofSearch(ScriptedChecker(), 2)
    async with contextlib.aclosing(search.prove(THEOREM, [[strategy, ScriptedSampler(["a"], then="wait")]])) as events:
        assert isinstance(await anext(events), Progress)
    assert strategy.ended == "cancelled"
    assert questions.running == 0


@pytest.mark.parametrize("bad", [{"surplus": 0}, {"minimise": -1}])
async def test_options_that_make_no_sense_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="surplus"):
        SearchTerms(**bad)  # type: ignore[arg-type]


async def test_the_others_join_the_portfolio_when_its_first_candidates_have_got_a_worker() -> None:
    first = ScriptedSampler([f"a {number}" for number in range(8)], turns=20)
    other = ScriptedSampler(["b"], name="other")
    checker = ScriptedChecker()
    _, finished = await collect([[PortfolioFirst([first, other], head_start=3)]], Budget(), checker)
    assert finished.ending is Ending.SAMPLERS_EXHAUSTED
    assert checker.checked.index("b") in (3, 4)
    checker = ScriptedChecker()
    await collect([[PortfolioFirst([ScriptedSampler(["a"]), other], head_start=3)]], Budget(), checker)
    assert checker.checked == ["a", "b"]


async def test_the_others_join_although_the_portfolio_fails() -> None:
    failing = ScriptedSampler([], then="fail")
    _, finished = await collect([[PortfolioFirst([failing, ScriptedSampler(["ok"])])]], Budget())
    assert finished.ending is Ending.PROOFS_FOUND
    with pytest.raises(RuntimeError, match="sampler fails"):
        await collect([[PortfolioFirst([failing, ScriptedSampler(["a"])])]], Budget())
