"""No false alarms: every honest proof is verified, whatever its style."""

import asyncio

import pytest

from prover.lean.checker import Terms
from prover.lean.workers.client import PoolClient
from prover.lean.workers.isolation.quarantine import Quarantine
from prover.lean.workers.pool import WorkerPool
from prover.verdict import Limits, Path, Trust, VerdictKind
from tests.honest.honest_proofs import CONTAINED, HONEST, HonestProof

pytestmark = pytest.mark.lean


@pytest.mark.parametrize("name", HONEST)
async def test_honest_proofs_are_verified(name: str, lean_pool: WorkerPool) -> None:
    proofs = HONEST[name]
    # A generous deadline, since the machine may be busy.
    terms = Terms(Limits(seconds=120))
    verdicts = await asyncio.gather(*(lean_pool.check(proof.theorem, proof.candidate, terms) for proof in proofs))
    alarms = [
        f"{proof.id}: {verdict.kind}: {' | '.join(message.text[:200] for message in verdict.messages)}"
        for proof, verdict in zip(proofs, verdicts, strict=True)
        if not verdict.verified or verdict.trust is not Trust.KERNEL_REPLAYED
    ]
    assert alarms == []


@pytest.mark.parametrize(
    "proofs", [CONTAINED[::8], pytest.param(CONTAINED, marks=pytest.mark.slow)], ids=["some", "all"]
)
async def test_honest_proofs_with_syntax_of_their_own_are_verified_by_their_path_and_in_quarantine(
    proofs: list[HonestProof], lean_pool: WorkerPool
) -> None:
    terms = Terms(Limits(seconds=120))
    theorem = lean_pool.canonical(proofs[0].theorem)
    quarantine = Quarantine(lambda: lean_pool.elaborator(theorem), lean_pool.judges)
    alarms = []
    async with PoolClient(lean_pool) as client:
        for proof in proofs:
            verdict = await client.check(proof.theorem, proof.candidate, terms)
            contained = verdict
            if proof.path is Path.TRANSPARENT:
                contained = await quarantine.check(lean_pool.canonical(proof.theorem), proof.candidate, terms)
            expected = [(VerdictKind.VERIFIED, proof.path), (VerdictKind.VERIFIED, Path.QUARANTINE)]
            if [(verdict.kind, verdict.path), (contained.kind, contained.path)] != expected:
                alarms.append(f"{proof.id}: {verdict} {contained}")
    await quarantine.close()
    assert alarms == []


def test_collection_with_code_is_large_and_without_repetition() -> None:
    assert len({(proof.theorem, proof.candidate) for proof in CONTAINED}) == len(CONTAINED) >= 100
    assert {proof.path for proof in CONTAINED} == {Path.TRANSPARENT, Path.QUARANTINE}


def test_collection_is_large_and_without_repetition() -> None:
    proofs = [proof for collection in HONEST.values() for proof in collection]
    assert len(proofs) >= 400
    assert len({proof.id for proof in proofs}) == len(proofs)
    assert len({(proof.theorem, proof.candidate) for proof in proofs}) == len(proofs)
    families = len(HONEST["families"])
    assert families <= len(proofs) / 4
