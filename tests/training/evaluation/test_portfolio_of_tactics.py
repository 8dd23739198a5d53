"""The portfolio with a scripted pool that accepts one proof; tests/prover uses real Lean."""

from pathlib import Path
from typing import Any

import pytest

from prover.candidate import Candidate
from prover.lean.workers.pool import WorkerPool
from prover.sampling.portfolio.portfolio import fillings
from prover.theorem import Theorem
from prover.verdict import Limits, Trust, Verdict, VerdictKind
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord
from training.evaluation.portfolio import (
    PortfolioResult,
    coverage,
    coverage_together,
    evaluate_portfolio,
    read_portfolio,
)
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples

EASY = TheoremRecord(name="easy", statement="theorem easy (n m : Nat) (h : n = m) : m = n")
HARD = TheoremRecord(name="hard", statement="theorem hard (n : Nat) : n = n + 0")
PROOFS = [proof for _, proof in fillings(EASY.theorem)]


class ScriptedPool:
    size, lean_version, worker_version = 1, "4", "1"

    def __init__(self) -> None:
        self.tried: list[str] = []

    async def start(self) -> None:
        pass

    async def ready(self) -> None:
        pass

    def only_contained(self, _theorem: Theorem) -> bool:
        return False

    async def close(self) -> None:
        pass

    async def check(self, theorem: Theorem, candidate: Candidate, *_rest: Any) -> Verdict:
        self.tried.append(candidate.text)
        if theorem == EASY.theorem and candidate.text == PROOFS[6]:
            return Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)
        return Verdict(VerdictKind.REJECTED)


def run(folder: Path, pool: ScriptedPool, checks: int = 16, one_line: bool = False) -> dict[int, float]:
    def make() -> WorkerPool:
        return pool  # type: ignore[return-value]

    out, corpus = folder / "out.jsonl", folder / "corpus.jsonl"
    write_jsonl(corpus, [EASY, HARD])
    limits, verdicts = Limits(), folder / "verdicts.jsonl"
    results = evaluate_portfolio([corpus], out, verdicts, limits, make, checks, one_line, lambda _line: None)
    assert read_portfolio(out) == results
    return coverage(results)


def test_coverage_counts_the_checks_until_the_first_proof(tmp_path: Path) -> None:
    assert run(tmp_path, ScriptedPool()) == {1: 0.0, 2: 0.0, 4: 0.0, 8: 0.5, 16: 0.5}
    assert not list(tmp_path.glob("*.partial"))


def test_fewer_checks_find_less(tmp_path: Path) -> None:
    assert run(tmp_path, ScriptedPool(), checks=6) == {1: 0.0, 2: 0.0, 4: 0.0}


def test_single_tactics_are_tried_without_what_is_composed_of_them(tmp_path: Path) -> None:
    run(tmp_path, pool := ScriptedPool(), checks=64, one_line=True)
    assert {"by\n  omega", "by\n  grind", "by\n  simp_all"} <= set(pool.tried)
    assert all(len(proof.splitlines()) == 2 and "<;>" not in proof for proof in pool.tried)
    assert len(pool.tried) < len(PROOFS)


def test_what_was_done_is_not_done_again(tmp_path: Path) -> None:
    run(tmp_path, ScriptedPool())
    (tmp_path / "out.jsonl").rename(tmp_path / "out.jsonl.partial")  # as a kill before the end leaves it
    again = ScriptedPool()
    run(tmp_path, again)
    assert not again.tried


def of_model(*verified: int, names: tuple[str, ...] = ("a", "b")) -> ModelSamples:
    """8 samples a theorem, so many of them right."""
    theorems = [
        TheoremSamples(
            name=name,
            proofs=tuple(
                SampledProof(text=text, count=drawn, verified=right)
                for text, drawn, right in (("right", count, True), ("wrong", 8 - count, False))
                if drawn
            ),
        )
        for name, count in zip(names, verified, strict=True)
    ]
    return ModelSamples(model="model", corpus="corpus", theorems=tuple(theorems))


def of_portfolio(*solved_at: int | None) -> list[PortfolioResult]:
    return [
        PortfolioResult(name=name, digest=name, checks=8, solved_at=at)
        for name, at in zip(("a", "b"), solved_at, strict=True)
    ]


def test_a_quarter_of_the_checks_are_the_portfolios_where_a_model_stands_beside_it() -> None:
    assert coverage_together(of_portfolio(2, None), of_model(0, 1), checks=8) == (1 + 6 / 8) / 2
    assert coverage_together(of_portfolio(3, None), of_model(0, 1), checks=8) == (0 + 6 / 8) / 2


def test_a_portfolio_and_a_model_of_different_theorems_are_not_put_together() -> None:
    with pytest.raises(ValueError, match="portfolio and model were not evaluated on the same theorems"):
        coverage_together(of_portfolio(1, None), of_model(1, 1, names=("a", "c")), checks=8)


def test_a_file_of_something_else_is_said(tmp_path: Path) -> None:
    (tmp_path / "out.jsonl.partial").write_text('{"x": 1}\n')
    with pytest.raises(ValueError, match=r"out\.jsonl\.partial:1: this is not a line of the portfolio's results"):
        run(tmp_path, ScriptedPool())
