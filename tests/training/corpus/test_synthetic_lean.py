"""Statements of every template of the generator elaborate."""

from itertools import groupby

import pytest

from prover.lean.workers.pool import WorkerPool
from prover.verdict import VerdictKind
from training.corpus.synthetic.generator import FAMILIES, generate

pytestmark = pytest.mark.lean


@pytest.mark.parametrize("family", FAMILIES)
async def test_statements_elaborate(lean_pool: WorkerPool, family: str) -> None:
    records = sorted(generate(3 * len(FAMILIES[family]), seed=11, families=[family]), key=lambda found: found.family)
    assert {name for name, _ in groupby(record.family for record in records)} == {
        f"{family}/{template}" for template in FAMILIES[family]
    }
    for record in records:
        elaboration = await lean_pool.elaborate(record.theorem)
        said = [message.text for message in elaboration.messages if message.severity == "error"]
        assert elaboration.verdict is VerdictKind.VERIFIED, (record.context, record.statement, said)
