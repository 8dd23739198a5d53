import asyncio
import json
from pathlib import Path

import pytest

from prover.theorem import Theorem
from training.corpus.record import read_corpus
from training.corpus.sources.fetch import PublicDataset, fetch


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[PublicDataset]:
    """A workbook with a duplicate, a near duplicate of a held-out theorem and statements that need Mathlib."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    workbook = [
        "theorem w1 (n : ℕ) : n + 0 = n := by sorry",
        "theorem w2 (k : ℕ) : k + 0 = k := by sorry",
        "theorem w3 (x : ℝ) : x = x := by sorry",
        "theorem w4 : 3 * 5 = 15 := by sorry",
        "theorem w5 (a : ℤ) : a - a = 0 := by sorry",
        "def w6 := 1",
    ]
    held_out = ["theorem v1 : 2 * 7 = 14 := by", "theorem v2 (z : ℂ) : z = z := by"]
    for name, statements in (("workbook", workbook), ("minif2f", held_out)):
        (tmp_path / name).mkdir()
        rows = [{"formal_statement": statement} for statement in statements]
        (tmp_path / name / "train.json").write_text(json.dumps(rows), encoding="utf-8")
    return [
        PublicDataset(str(tmp_path / "workbook"), "train", "workbook", False, "Apache-2.0"),
        PublicDataset(str(tmp_path / "minif2f"), "train", "minif2f_valid", True, "MIT"),
    ]


class Elaborator:
    """Stands in for the Lean pool: core Lean knows no ℝ and no ℂ."""

    def __init__(self, fail_after: int | None = None) -> None:
        self.asked: list[str] = []
        self._fail_after = fail_after

    async def __call__(self, theorem: Theorem) -> bool:
        await asyncio.sleep(0)
        if self._fail_after is not None and len(self.asked) >= self._fail_after:
            raise ConnectionError("no worker can start")
        self.asked.append(theorem.statement)
        return not any(symbol in theorem.statement for symbol in "ℝℂ")


async def test_the_corpus_is_what_elaborates_without_duplicates_and_leaks(
    sources: list[PublicDataset], tmp_path: Path
) -> None:
    lines: list[str] = []
    counts = await fetch(tmp_path / "out", Elaborator(), sources, report=lines.append)
    assert counts == {"minif2f_valid": 1, "workbook": 2}
    found = read_corpus(tmp_path / "out" / "workbook.jsonl")
    assert [record.name for record in found] == ["w1", "w5"]  # w2 is w1 again, w3 needs ℝ, w4 is v1 with other numbers
    assert found[1].statement == "theorem w5 (a : Int) : a - a = 0"
    assert any("row 5 skipped: there is no theorem" in line for line in lines)


def test_a_run_that_failed_goes_on_where_it_stopped(sources: list[PublicDataset], tmp_path: Path) -> None:
    first = Elaborator(fail_after=3)
    with pytest.raises(ConnectionError, match="no worker"):
        asyncio.run(fetch(tmp_path / "out", first, sources, concurrency=1, report=lambda line: None))
    journal = tmp_path / "out" / "workbook.journal"
    journal.write_text(journal.read_text() + '["cut of', encoding="utf-8")
    second = Elaborator()
    counts = asyncio.run(fetch(tmp_path / "out", second, sources, report=lambda line: None))
    assert counts == {"minif2f_valid": 1, "workbook": 2}
    assert not set(first.asked) & set(second.asked)
    assert len(first.asked) + len(second.asked) == 5
    assert all(len(json.loads(line)) == 2 for line in journal.read_text().splitlines())
