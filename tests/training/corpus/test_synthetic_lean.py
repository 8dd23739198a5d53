"""Statements of every template of the generator elaborate."""

from itertools import groupby
from random import Random

import pytest

from prover.lean.workers.pool import WorkerPool
from prover.verdict import VerdictKind
from training.corpus.record import TheoremRecord
from training.corpus.synthetic.generator import FAMILIES, draw, generate
from training.corpus.synthetic.wide import WIDE_FAMILIES

pytestmark = pytest.mark.lean


@pytest.mark.parametrize("family", FAMILIES)
async def test_statements_elaborate(lean_pool: WorkerPool, family: str) -> None:
    records = sorted(generate(3 * len(FAMILIES[family]), seed=11, families=[family]), key=lambda found: found.family)
    assert {name for name, _ in groupby(record.family for record in records)} == {
        f"{family}/{template}" for template in FAMILIES[family]
    }
    for record in records:
        await _elaborates(lean_pool, record)


@pytest.mark.parametrize("family", WIDE_FAMILIES)
async def test_statements_of_wide_families_elaborate(lean_pool: WorkerPool, family: str) -> None:
    for name, template in WIDE_FAMILIES[family].items():
        for seed in range(3):
            await _elaborates(lean_pool, draw(family, name, template, Random(seed)))


async def _elaborates(pool: WorkerPool, record: TheoremRecord) -> None:
    elaboration = await pool.elaborate(record.theorem)
    said = [message.text for message in elaboration.messages if message.severity == "error"]
    assert elaboration.verdict is VerdictKind.VERIFIED, (record.context, record.statement, said)
