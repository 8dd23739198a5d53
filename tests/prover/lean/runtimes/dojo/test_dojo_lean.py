"""The real lean-dojo with a real Lean behind an emulated Lean4Repl, and our own worker as the judge."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.dojo import DojoConfig, DojoPool
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget
from prover.sampling.portfolio.portfolio import PortfolioSampler
from prover.search.search import Finished, ProofSearch
from prover.search.strategies import build_plan
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, VerdictKind

BOTH = Theorem("theorem both (a b : Nat) (h : a < b) : a + 1 ≤ b ∧ True")
TERMS = Terms(Limits(seconds=120))


@pytest.mark.lean
@pytest.mark.usefixtures("real_dojo_python")
async def test_steps_of_emulated_dojo_make_a_proof_that_our_worker_verifies(
    emulated: Callable[..., DojoConfig], lean_pool: WorkerPool
) -> None:
    pool = DojoPool(emulated(script="lean_repl_stand_in.py", python=Path(sys.executable)))
    async with pool.open(BOTH, TERMS) as session:
        state = (await session.begin()).state
        assert state is not None
        assert state.goals == ("a b : Nat\nh : a < b\n⊢ a + 1 ≤ b ∧ True",)
        assert (await session.run(state, "rfl")).kind is VerdictKind.REJECTED
        for tactic in ("constructor", "· omega", "· have t : True := by\n    trivial\n  exact t"):
            step = await session.run(state, tactic)
            assert step.state is not None, step
            state = step.state
        assert state.goals == ()
    verdict = await lean_pool.check(BOTH, Candidate(state.proof))
    assert verdict.trust is Trust.KERNEL_REPLAYED
    checker = pool.before(lean_pool)
    assert (await checker.check(BOTH, Candidate("by\n  constructor\n  · omega\n  · trivial"), TERMS)).verified
    assert (await checker.check(BOTH, Candidate("by\n  constructor\n  · sorry\n  · trivial"), TERMS)).kind is (
        VerdictKind.INCOMPLETE
    )
    assert (await checker.check(BOTH, Candidate("⟨h, h⟩"), TERMS)).kind is VerdictKind.REJECTED


@pytest.mark.lean
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("real_dojo_python")
async def test_step_by_step_search_runs_in_one_emulated_dojo_and_is_judged_by_our_worker(
    emulated: Callable[..., DojoConfig], lean_pool: WorkerPool
) -> None:
    pool = DojoPool(emulated(script="lean_repl_stand_in.py", python=Path(sys.executable)))
    plan = build_plan("stepwise", [PortfolioSampler()], lean_pool, pool)
    search = ProofSearch(pool.before(lean_pool), 1)
    async for event in search.prove(BOTH, plan, Budget(checks=20, seconds=400), SearchTerms(terms=TERMS)):
        finished = event
    assert isinstance(finished, Finished)
    (proof,) = finished.proofs
    assert proof.verdict.trust is Trust.KERNEL_REPLAYED
    assert proof.candidate.source.startswith("stepwise")
    assert pool.ends == {"closed": 2}, "one Dojo for the steps, one for the look at the proof"
