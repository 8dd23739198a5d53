"""One theorem of each kind that needs an idea, proved by rules alone."""

import pytest

from prover.lean.checker import Terms
from prover.lean.workers.jobs import Priority
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.search.search import Finished, ProofSearch
from prover.search.strategies import build_plan
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Limits
from tests.support.definitions import EVEN, LISTS

pytestmark = pytest.mark.lean

PARITY = "def Twice (n : Nat) : Prop := ∃ k, n = k + k\n\ndef Odd (n : Nat) : Prop := ∃ k, n = k + k + 1\n"
KINDS = {
    "lemma_found_by_generalising": ("(α : Type) (xs : List α) : turn (turn xs) = xs", LISTS),
    "accumulator": ("(xs : List Nat) : sumFrom xs 0 = xs.sum", LISTS),
    "induction_on_a_predicate": ("(m n : Nat) (hm : Even m) (hn : Even n) : Even (m + n)", EVEN),
    "witness_in_an_induction": ("(n : Nat) (h : Even n) : ∃ k, n = 2 * k", EVEN),
    "squares_that_sum_to_zero": ("(x y : Int) (h : x * x + y * y = 0) : x = 0", ""),
    "existences_as_remainders": ("(n : Nat) : Twice n ↔ ¬Odd n", PARITY),
}


@pytest.mark.parametrize("kind", KINDS)
async def test_a_theorem_of_each_kind_is_proved(lean_pool: WorkerPool, kind: str) -> None:
    claim, context = KINDS[kind]
    theorem = Theorem(f"theorem kind {claim}", context=context)
    plan = build_plan("auto", [PortfolioSampler(lean_pool)], lean_pool)
    terms = SearchTerms(terms=Terms(Limits(seconds=20), priority=Priority.BATCH), minimise=0)
    search = ProofSearch(lean_pool, 2).prove(theorem, plan, Budget(samples=10_000, seconds=240), terms)
    events = [event async for event in search]
    assert isinstance(events[-1], Finished)
    assert events[-1].proofs
