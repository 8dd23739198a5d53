"""Proofs extracted from a model's answer, checked by Lean."""

import pytest

from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.theorem import Theorem
from prover.verdict import VerdictKind
from training.model.prompts import last_proof

pytestmark = pytest.mark.lean

ANSWER = "```lean4\nlemma aux (n : Nat) : 0 + n = n := by simp\n\ntheorem t (n : Nat) : 0 + (0 + n) = n := by\n  rw [aux, aux]\n```"


async def test_a_lemma_that_the_answer_proves_first_is_kept_and_the_whole_is_verified(lean_pool: WorkerPool) -> None:
    proof = last_proof(ANSWER)
    assert proof == "by\n  rw [aux, aux]\nwhere\n  aux (n : Nat) : 0 + n = n := by simp"
    # The lemma is a part of the proof there, and is replayed with it: nothing of the answer is lost or taken on trust.
    verdict = await lean_pool.check(Theorem("theorem t (n : Nat) : 0 + (0 + n) = n"), Candidate(proof))
    assert (verdict.kind, verdict.axioms_complete) == (VerdictKind.VERIFIED, False)
