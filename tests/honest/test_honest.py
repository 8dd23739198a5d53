"""No false alarms: every honest proof is verified, whatever its style."""

import asyncio

import pytest

from prover.lean.checker import Terms
from prover.lean.workers.client import Client
from prover.lean.workers.pool import WorkerPool
from prover.verdict import Limits, Path, Trust, VerdictKind
from tests.honest.honest_proofs import CONTAINED, HONEST, HonestProof

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


@pytest.mark.parametrize(
    "proofs", [CONTAINED[::12], pytest.param(CONTAINED, marks=pytest.mark.slow)], ids=["some", "all"]
)
async def test_honest_proofs_with_code_around_them_are_verified_in_quarantine(
    proofs: list[HonestProof], lean_pool: WorkerPool
) -> None:
    terms = Terms(Limits(seconds=120))
    async with Client(lean_pool) as client:
        verdicts = [await client.check(proof.theorem, proof.candidate, terms) for proof in proofs]
    alarms = [
        f"{proof.id}: {verdict.kind} {verdict.path}: {' | '.join(message.text[:200] for message in verdict.messages)}"
        for proof, verdict in zip(proofs, verdicts, strict=True)
        if (verdict.kind, verdict.trust, verdict.path) != (VerdictKind.VERIFIED, Trust.ISOLATED_REPLAY, Path.QUARANTINE)
    ]
    assert alarms == []


def test_collection_with_code_is_large_and_without_repetition() -> None:
    assert len({(proof.theorem, proof.candidate) for proof in CONTAINED}) == len(CONTAINED) >= 100


def test_collection_is_large_and_without_repetition() -> None:
    proofs = [proof for collection in HONEST.values() for proof in collection]
    assert len(proofs) >= 400
    assert len({proof.id for proof in proofs}) == len(proofs)
    assert len({(proof.theorem, proof.candidate) for proof in proofs}) == len(proofs)
    families = len(HONEST["families"])
    assert families <= len(proofs) / 4
