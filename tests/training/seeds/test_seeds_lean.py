"""The search on real Lean."""

from pathlib import Path

import pytest

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.workers.pool import WorkerPool
from prover.search.diversity import normalise
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord, read_corpus
from training.corpus.sources.library import library_theorems
from training.seeds.questions import SeedBudget
from training.seeds.run import read_seeds, search_corpus

pytestmark = pytest.mark.lean

CORPUS = [
    TheoremRecord(name="swap", statement="theorem swap (p q r : Prop) : (p ∧ q) ∨ r → (q ∧ p) ∨ r", family="logic"),
    TheoremRecord(
        name="halves",
        statement="theorem halves (n : Nat) : total n * 2 = n * (n + 1)",
        context="def total : Nat → Nat\n  | 0 => 0\n  | n + 1 => (n + 1) + total n",
    ),
    TheoremRecord(name="wrong", statement="theorem wrong (n : Nat) : n + 1 = n"),
    TheoremRecord(name="senseless", statement="theorem senseless : Nat + 1 = Monday"),
]


async def test_different_proofs_are_found_and_each_is_verified(lean_pool: WorkerPool, tmp_path: Path) -> None:
    out, cache = tmp_path / "seeds.jsonl", tmp_path / "verdicts.jsonl"
    budget = SeedBudget(proofs=6, requests=80, seconds=600.0, depth=2)  # a loaded machine asks as much
    found = await search_corpus(lean_pool, CORPUS, out, budget, cache, lambda line: None)
    rows = {row.theorem.name: row for row in read_seeds(out)}
    assert found.theorems == 4
    assert rows["senseless"].ending == "invalid_statement"
    assert rows["wrong"].proofs == ()
    assert len(rows["swap"].proofs) == 6
    assert any("induction n" in proof for proof in rows["halves"].proofs)
    for row in rows.values():
        assert len({normalise(proof) for proof in row.proofs}) == len(row.proofs)
        for proof in row.proofs:
            assert (await lean_pool.check(row.theorem.theorem, Candidate(proof))).verified, proof
    assert await search_corpus(lean_pool, CORPUS, out, budget, cache, lambda line: None) == found


async def test_templates_that_are_named_are_all_that_is_tried(lean_pool: WorkerPool, tmp_path: Path) -> None:
    squares = TheoremRecord(name="squares", statement="theorem squares (n : Nat) : n ^ 2 % 4 = 0 ∨ n ^ 2 % 4 = 1")
    out = tmp_path / "seeds.jsonl"
    budget = SeedBudget(seconds=600.0, only=("residues",))
    await search_corpus(lean_pool, [squares, CORPUS[0]], out, budget, report=lambda line: None)
    rows = {row.theorem.name: row for row in read_seeds(out)}
    assert rows["squares"].proofs
    assert all("rcases rn with rn | rn | rn | rn" in proof for proof in rows["squares"].proofs)
    assert (rows["swap"].proofs, rows["swap"].requests, rows["swap"].ending) == ((), 0, "exhausted")


async def test_library_theorems_become_a_corpus_that_guards_itself(lean_pool: WorkerPool, tmp_path: Path) -> None:
    records = await library_theorems(lean_pool, ["Init.Data.Option.Basic"], report=lambda line: None)
    assert len(records) > 20
    assert {record.family for record in records} == {"Init.Data.Option.Basic"}
    write_jsonl(tmp_path / "library.jsonl", records)
    assert read_corpus(tmp_path / "library.jsonl") == records
    record = next(record for record in records if record.guard == "Option.getDM_none")
    verdict = await lean_pool.check(record.theorem, Candidate("Option.getDM_none"), Terms(policy=record.policy))
    assert verdict.kind == "forbidden"
    assert (
        await lean_pool.check(record.theorem, Candidate("by\n  intros\n  rfl"), Terms(policy=record.policy))
    ).verified


async def test_a_pattern_that_fits_no_module_is_said(lean_pool: WorkerPool) -> None:
    with pytest.raises(ValueError, match=r"No imported module is called like Mathlib\.\*"):
        await library_theorems(lean_pool, ["Mathlib.*"], report=lambda line: None)
