"""The search with its real parts: the portfolio proposes, Lean checks."""

import asyncio
from contextlib import aclosing

import pytest

from prover.lean.checker import Terms
from prover.lean.workers.client import PoolClient
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.sampling.sampler import SamplingParams
from prover.search.diversity import normalise
from prover.search.search import Ending, Event, Finished, Progress, Proof, ProofSearch
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, VerdictKind

pytestmark = pytest.mark.lean

PLAN = [[PortfolioSampler()]]
OPTIONS = SearchTerms(terms=Terms(Limits(seconds=20)))


async def run(pool: WorkerPool, theorem: Theorem, budget: Budget) -> tuple[list[Proof], Finished]:
    events: list[Event] = []
    async for event in ProofSearch(pool, 2).prove(theorem, PLAN, budget, OPTIONS):
        events.append(event)
    assert isinstance(events[-1], Finished)
    return [event for event in events if isinstance(event, Proof)], events[-1]


@pytest.mark.parametrize(
    "theorem",
    [
        Theorem("theorem t (a b c : Nat) (h : a < b) : a + c < b + c"),
        Theorem("theorem t (n : Nat) : 2 ∣ n * (n + 1)"),
        Theorem("theorem t (p q r : Prop) : p ∧ (q ∨ r) ↔ p ∧ q ∨ p ∧ r"),
        Theorem("theorem t : ∀ n : Nat, n < 2 ^ n"),
        Theorem("theorem t (n : Nat) : twice n = 2 * n", context="def twice (n : Nat) : Nat := n + n"),
    ],
    ids=["linear", "divisibility", "propositional", "induction", "definition"],
)
async def test_the_portfolio_proves_textbook_theorems(lean_pool: WorkerPool, theorem: Theorem) -> None:
    (proof,), finished = await run(lean_pool, theorem, Budget(samples=100, seconds=120))
    assert proof.verdict.verified
    assert proof.candidate.source.startswith("portfolio:")
    assert finished.ending is Ending.PROOFS_FOUND


LEMMAS = """
macro "fact! " name:ident ":" type:term : command => `(axiom $name : $type)
opaque seed : Nat
fact! seed_pos : 0 < seed
def f (n : Nat) : Nat := n * n + 1
theorem f_mono {a b : Nat} (h : a ≤ b) : f a ≤ f b := Nat.succ_le_succ (Nat.mul_le_mul h h)
"""


async def test_theorems_above_are_the_proof_whatever_declares_them(lean_pool: WorkerPool) -> None:
    """The elaborator of a client says what its macros declare."""
    axioms_of = {
        "theorem t : ∃ n, 0 < n ∧ 0 < seed": ("seed_pos",),
        "theorem t : 0 < seed": ("seed_pos",),
        "theorem t : seed ≠ 0": ("seed_pos",),
        "theorem t (a b : Nat) (h : a ≤ b) : f (f a) ≤ f (f b)": (),
    }
    async with PoolClient(lean_pool) as client:
        for statement, axioms in axioms_of.items():
            theorem = Theorem(statement, context=LEMMAS)
            proposed = PortfolioSampler(client).sample(theorem, SamplingParams(samples=2))
            verdicts = [await client.check(theorem, candidate) async for candidate in proposed]
            assert axioms in {verdict.axioms for verdict in verdicts if verdict.verified}, statement


async def test_several_proofs_of_one_theorem_are_distinct(lean_pool: WorkerPool) -> None:
    theorem = Theorem("theorem t (a b : Nat) (h : a = b) : b = a")
    proofs, finished = await run(lean_pool, theorem, Budget(samples=100, seconds=120, proofs=4))
    assert len({normalise(proof.candidate.text) for proof in proofs}) == 4
    assert finished.verdicts[VerdictKind.VERIFIED] == 4


async def test_no_proof_of_a_false_theorem_comes_back(lean_pool: WorkerPool) -> None:
    proofs, finished = await run(lean_pool, Theorem("theorem t (n : Nat) : n < n"), Budget(samples=12, seconds=120))
    assert proofs == []
    assert finished.ending is Ending.SAMPLES_SPENT
    assert VerdictKind.VERIFIED not in finished.verdicts


async def test_a_statement_that_does_not_elaborate_ends_the_search_at_once(lean_pool: WorkerPool) -> None:
    proofs, finished = await run(lean_pool, Theorem("theorem t : no_such_thing = 1"), Budget())
    assert proofs == []
    assert finished.ending is Ending.INVALID_STATEMENT
    assert finished.verdict is not None
    assert "no_such_thing" in finished.verdict.messages[0].text


async def test_a_caller_who_leaves_frees_the_pool(lean_pool: WorkerPool) -> None:
    search = ProofSearch(lean_pool, 2)
    async with aclosing(search.prove(Theorem("theorem t (n : Nat) : n < n"), PLAN, Budget(), OPTIONS)) as events:
        assert isinstance(await anext(events), Progress)
    async with asyncio.timeout(20):
        (proof,), _ = await run(lean_pool, Theorem("theorem t : 1 + 1 = 2"), Budget())
    assert proof.verdict.trust >= Trust.KERNEL_REPLAYED


async def test_isolated_trust_comes_from_the_checker_that_the_pool_lends(lean_pool: WorkerPool) -> None:
    options = SearchTerms(terms=Terms(Limits(seconds=20)), trust=Trust.ISOLATED_REPLAY)
    theorem = Theorem("theorem t : 1 + 1 = 2")
    async with lean_pool.isolated() as checker:
        events = [event async for event in ProofSearch(checker, 1).prove(theorem, PLAN, Budget(), options)]
    assert [event.verdict.trust for event in events if isinstance(event, Proof)] == [Trust.ISOLATED_REPLAY]
