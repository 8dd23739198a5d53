"""No false alarms: every honest proof is verified, whatever its style."""

import asyncio

import pytest

from prover.lean.checker import Terms
from prover.lean.workers.pool import WorkerPool
from prover.verdict import Limits, Trust
from tests.honest.honest_proofs import HONEST

pytestmark = pytest.mark.lean


@pytest.mark.parametrize("name", HONEST)
async def test_honest_proofs_are_verified(name: str, lean_pool: WorkerPool) -> None:
    proofs = HONEST[name]
    # The machine may be busy: the deadline is not what is tested.
    terms = Terms(Limits(seconds=120))
    verdicts = await asyncio.gather(*(lean_pool.check(proof.theorem, proof.candidate, terms) for proof in proofs))
    alarms = [
        f"{proof.id}: {verdict.kind}: {' | '.join(message.text[:200] for message in verdict.messages)}"
        for proof, verdict in zip(proofs, verdicts, strict=True)
        if not verdict.verified or verdict.trust is not Trust.KERNEL_REPLAYED
    ]
    assert alarms == []


def test_collection_is_large_and_without_repetition() -> None:
    proofs = [proof for collection in HONEST.values() for proof in collection]
    assert len(proofs) >= 400
    assert len({proof.id for proof in proofs}) == len(proofs)
    assert len({(proof.theorem, proof.candidate) for proof in proofs}) == len(proofs)
    families = len(HONEST["families"])
    assert families <= len(proofs) / 4
