"""Every strategy on real parts: rules and the portfolio propose, Lean answers and checks."""

import contextlib
from collections.abc import AsyncGenerator, Sequence

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.jobs import Priority
from prover.lean.workers.pool import WorkerPool
from prover.options import STRATEGIES, Budget, Preference
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.sampling.sampler import SamplingParams
from prover.search.diversity import distinct_key, length
from prover.search.search import Ending, Finished, Minimised, Progress, ProofSearch
from prover.search.stepper import TacticState, WorkerStepper
from prover.search.strategies import build_plan
from prover.search.strategies.decompose import Decompose
from prover.search.strategies.repair import ClosingRepairer, Repair
from prover.search.strategies.strategy import Strategy
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Limits, Message, Trust, VerdictKind

pytestmark = pytest.mark.lean

OPTIONS = SearchTerms(terms=Terms(Limits(seconds=20), priority=Priority.BATCH))
SWAP = Theorem("theorem swap (p q : Prop) : p ∧ q ↔ q ∧ p")
# Nothing closes these at once: an induction is needed.
EVEN = Theorem("theorem even (f : Nat → Nat) (h₀ : f 0 = 0) (h : ∀ n, f (n + 1) = f n + 2) (n : Nat) : f n = 2 * n")
SUM = Theorem(
    "theorem total (n : Nat) : 2 * sumTo n = n * (n + 1)",
    context="def sumTo : Nat → Nat\n  | 0 => 0\n  | n + 1 => sumTo n + (n + 1)",
)
FALSE = Theorem("theorem wrong (n : Nat) (h : n < 5) : n < 4")


class FixedSampler:
    """Proposes given texts: a model with nothing left to chance."""

    name = "fixed"

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    async def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        for text in self.texts[: params.samples]:
            yield Candidate(text, source=self.name, tokens=5)

    async def start(self) -> None: ...

    async def close(self) -> None: ...


class FixedModel(FixedSampler):
    """A `ProofModel` that goes on with given lines."""

    def __init__(self, *texts: str, lines: Sequence[str] = ()) -> None:
        super().__init__(*texts)
        self.lines = lines
        self.prefixes: list[str] = []
        self.errors: list[Message] = []

    async def continue_proof(
        self, theorem: Theorem, prefix: str, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        self.prefixes.append(prefix)
        for place, line in enumerate(self.lines):
            yield Candidate(line, source=self.name, log_prob=-0.1 * (place + 1), tokens=3)

    async def repair_proof(
        self, theorem: Theorem, proof: str, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        self.errors.append(error)
        yield Candidate(proof.replace("q.1", "h.1"), source=self.name, tokens=7)


async def run(
    pool: WorkerPool, theorem: Theorem, plan: list[list[Strategy]], budget: Budget, options: SearchTerms = OPTIONS
) -> Finished:
    events = [event async for event in ProofSearch(pool, 2).prove(theorem, plan, budget, options)]
    assert isinstance(events[-1], Finished)
    return events[-1]


@pytest.mark.parametrize("strategy", STRATEGIES)
async def test_every_strategy_proves_and_says_what_it_spent(lean_pool: WorkerPool, strategy: str) -> None:
    plan = build_plan(strategy, [PortfolioSampler()], lean_pool)
    finished = await run(lean_pool, SWAP, plan, Budget(samples=60, checks=120, seconds=120))
    assert finished.ending is Ending.PROOFS_FOUND
    (proof,) = finished.proofs
    assert proof.verdict.trust >= Trust.KERNEL_REPLAYED
    assert sum(each.checked + each.requests for each in finished.spending) <= 120
    assert sum(each.proofs for each in finished.spending) == 1
    assert finished.diversity is not None


@pytest.mark.parametrize("strategy", ["repair", "stepwise", "decompose"])
async def test_no_strategy_proves_what_is_false(lean_pool: WorkerPool, strategy: str) -> None:
    plan = build_plan(strategy, [PortfolioSampler()], lean_pool)
    finished = await run(lean_pool, FALSE, plan, Budget(samples=12, checks=25, seconds=120))
    assert finished.proofs == ()
    assert VerdictKind.VERIFIED not in finished.verdicts
    spent = finished.spent
    assert spent.checked + spent.requests <= 25


async def test_a_statement_that_does_not_elaborate_ends_every_strategy(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t : no_such_thing = 1")
    for strategy in ("stepwise", "decompose"):
        plan = build_plan(strategy, [PortfolioSampler()], lean_pool)
        finished = await run(lean_pool, theorem, plan, Budget(checks=20, seconds=120))
        assert finished.proofs == ()
        assert finished.spent.requests == 1


async def test_an_induction_is_decomposed_and_its_cases_are_solved_apart(lean_pool: WorkerPool) -> None:
    finished = await run(lean_pool, EVEN, [[Decompose(lean_pool, [])]], Budget(checks=60, seconds=250))
    (proof,) = finished.proofs
    assert "induction n with" in proof.candidate.text
    assert proof.candidate.source == "decompose"


async def test_the_failing_part_of_a_models_proof_becomes_a_hole_that_is_solved(lean_pool: WorkerPool) -> None:
    model = FixedModel(
        "by\n  have left : 2 * sumTo 0 = 0 := by\n    omega\n  induction n with\n  | zero => exact left\n  | succ k ih =>\n    simp only [sumTo]\n    rfl"
    )
    search = Decompose(lean_pool, [model], width=0)  # without rules for skeletons
    finished = await run(lean_pool, SUM, [[search]], Budget(checks=60, seconds=200))
    (proof,) = finished.proofs
    assert proof.candidate.source == "decompose(fixed)"
    assert "| zero => exact left" in proof.candidate.text
    assert finished.spent.tokens == 5


async def test_a_failing_proof_is_mended_error_by_error(lean_pool: WorkerPool) -> None:
    sampler = FixedSampler(
        "by\n  induction n with\n  | zero => omega\n  | succ k ih =>\n    simp only [sumTo]\n    omega"
    )
    repair = Repair([sampler], [ClosingRepairer()], rounds=3)
    finished = await run(lean_pool, SUM, [[repair]], Budget(checks=10, seconds=120))
    (proof,) = finished.proofs
    assert proof.candidate.source == "repair(repair(fixed))"
    assert finished.spent.checked == 3
    assert finished.verdicts[VerdictKind.REJECTED] == 2


async def test_a_model_is_shown_its_proof_and_what_lean_said_of_it(lean_pool: WorkerPool) -> None:
    model = FixedModel("by\n  constructor\n  · intro h\n    exact ⟨h.2, q.1⟩\n  · intro h\n    exact ⟨h.2, h.1⟩")
    plan = build_plan("repair", [model], lean_pool)
    finished = await run(lean_pool, SWAP, plan, Budget(checks=10, seconds=120))
    assert finished.proofs[0].candidate.source == "repair(fixed)"
    assert model.errors[0].line == 4
    assert model.errors[0].text.startswith("Invalid projection")
    assert finished.spent.tokens == 5 + 7


async def test_step_by_step_the_likeliest_lines_of_a_model_are_followed(lean_pool: WorkerPool) -> None:
    model = FixedModel(lines=["constructor", "intro h", "exact ⟨h.2, h.1⟩", "sorry", "no_such_tactic"])
    plan = build_plan("stepwise", [model], lean_pool)
    finished = await run(lean_pool, SWAP, plan, Budget(proofs=2, checks=150, seconds=200))
    assert len(finished.proofs) >= 1
    assert "by" in model.prefixes, "the model is asked for other ways than the steps that lose nothing"
    assert all("sorry" not in proof.candidate.text for proof in finished.proofs)
    assert finished.spent.sampled == 5 * len(model.prefixes)


async def test_the_worker_steps_from_goal_to_goal(lean_pool: WorkerPool) -> None:
    async with WorkerStepper(lean_pool).open(SWAP, Terms(Limits(seconds=20))) as session:
        begun = await session.begin()
        assert begun.state is not None
        assert begun.state.goals[0].endswith("⊢ p ∧ q ↔ q ∧ p")
        split = await session.run(begun.state, "constructor")
        assert split.state is not None
        assert len(split.state.goals) == 2
        failed = await session.run(split.state, "omega")
        assert (failed.kind, failed.state) == (VerdictKind.REJECTED, None)
        assert failed.messages
        hostile = await session.run(split.state, 'run_tac throwError "x"')
        assert hostile.kind is VerdictKind.FORBIDDEN
        first = await session.run(split.state, "exact fun h =>\n  ⟨h.2, h.1⟩")
        assert first.state is not None
        done = await session.run(first.state, "simp_all")
        assert done.state is not None
        assert done.state.goals == ()
        verdict = await lean_pool.check(SWAP, Candidate(done.state.proof), Terms(Limits(seconds=20)))
        assert verdict.verified
    assert TacticState((), ("a\n  b", "c")).proof == "by\n  a\n    b\n  c"


async def test_several_proofs_are_distinct_minimised_and_ranked(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (a b : Nat) (h : a = b) : b + 0 = a")
    options = SearchTerms(terms=Terms(Limits(seconds=20)), prefer=Preference.SHORTEST, surplus=2, minimise=12)
    plan = build_plan("portfolio_first", [PortfolioSampler()], lean_pool)
    search = ProofSearch(lean_pool, 2)
    events = [event async for event in search.prove(theorem, plan, Budget(100, None, 200, proofs=3), options)]
    finished = events[-1]
    assert isinstance(finished, Finished)
    texts = [proof.candidate.text for proof in finished.proofs]
    assert len({distinct_key(text, theorem) for text in texts}) == 3
    assert [length(text) for text in texts] == sorted(map(length, texts))
    for event in events:
        if isinstance(event, Minimised):
            assert length(event.proof.candidate.text) < length(event.original.candidate.text)
    for proof in finished.proofs:
        assert (await lean_pool.check(theorem, proof.candidate, Terms(Limits(seconds=20)))).verified


async def test_leaving_frees_the_pool_whatever_the_strategy_waits_for(lean_pool: WorkerPool) -> None:
    for strategy in ("stepwise", "decompose"):
        plan = build_plan(strategy, [PortfolioSampler()], lean_pool)
        found = ProofSearch(lean_pool, 2).prove(FALSE, plan, Budget(seconds=120), OPTIONS)
        async with contextlib.aclosing(found) as events:
            assert isinstance(await anext(events), Progress)
    finished = await run(
        lean_pool, SWAP, build_plan("independent", [PortfolioSampler()], lean_pool), Budget(seconds=60)
    )
    assert finished.proofs


async def test_an_unknown_strategy_is_refused_by_name(lean_pool: WorkerPool) -> None:
    with pytest.raises(ValueError, match="no strategy 'magic'; there is auto, "):
        build_plan("magic", [PortfolioSampler()], lean_pool)
