from random import Random

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.pool import WorkerPool
from prover.verdict import Limits
from training.conjectures.sources.witnessed import WithWitnesses


@pytest.mark.parametrize("arm", WithWitnesses().arms)
async def test_a_first_or_second_proof_holds(arm: str, lean_pool: WorkerPool) -> None:
    proposal = WithWitnesses().propose(arm, Random(3))
    terms = Terms(Limits(seconds=30.0))
    verdicts = [
        await lean_pool.check(proposal.record.theorem, Candidate(proof, source="test"), terms)
        for proof in proposal.proofs[:2]
    ]
    assert any(verdict.verified for verdict in verdicts), [verdict.messages for verdict in verdicts]
