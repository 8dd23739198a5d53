"""The real `datasets` loading code on small local copies of the public formats."""

import json
from pathlib import Path
from typing import Any

import pytest

from training.corpus.rewrite import rewrite_for_core
from training.corpus.sources.huggingface import load_theorems, parts_of, theorems_of_rows

WORKBOOK = [
    {
        "natural_language_statement": "Prove $a + b = b + a$.",
        "answer": "",
        "tags": ["algebra"],
        "formal_statement": "theorem lean_workbook_1 (a b : ℝ) : a + b = b + a  :=  by sorry",
        "split": "lean_workbook",
        "proof": [],
    },
    {
        "natural_language_statement": "Find $x$.",
        "answer": "3",
        "tags": [],
        "formal_statement": "theorem lean_workbook_plus_2 (x : ℤ) (h : 2 * x = 6) : x = 3   :=  by sorry",
        "split": "lean_workbook_plus",
        "proof": ["omega"],
    },
]
MINIF2F = [
    {
        "name": "mathd_numbertheory_33",
        "split": "valid",
        "informal_prefix": "/-- Find an integer $n$. Show that it is 57.-/\n",
        "formal_statement": "theorem mathd_numbertheory_33 (n : ℕ) (h₀ : n < 398) (h₁ : n * 7 % 398 = 1) : n = 57 := by\n",
        "goal": "n : ℕ\nh₀ : n < 398\nh₁ : n * 7 % 398 = 1\n⊢ n = 57",
        "header": "import Mathlib\nimport Aesop\n\nset_option maxHeartbeats 0\n\nopen BigOperators Real Nat Topology Rat\n\n",
    }
]


@pytest.fixture(autouse=True)
def _offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def write_json(folder: Path, name: str, rows: list[dict[str, Any]]) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")


def test_lean_workbook_from_the_one_of_its_files_that_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "Lean-Workbook"
    write_json(folder, "lean_workbook.json", WORKBOOK)
    (folder / "wkbk_1009.parquet").write_bytes(b"another format of the same")
    loaded = load_theorems(str(folder), "train", source="Lean Workbook", data_files="lean_workbook.json")
    first, second = loaded.records
    assert first.statement == "theorem lean_workbook_1 (a b : ℝ) : a + b = b + a"
    assert (second.name, second.informal, second.source) == ("lean_workbook_plus_2", "Find $x$.", "Lean Workbook")
    assert loaded.skipped == []


def test_file_without_rows_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ValueError, match="without rows"):
        load_theorems(str(tmp_path), "train")


def test_minif2f_from_parquet_with_its_split_header_and_doc_comment(tmp_path: Path) -> None:
    import datasets

    (tmp_path / "m" / "data").mkdir(parents=True)
    rows = datasets.Dataset.from_list(MINIF2F)
    rows.to_parquet(tmp_path / "m" / "data" / "valid-00000-of-00001.parquet")
    rows.to_parquet(tmp_path / "m" / "data" / "test-00000-of-00001.parquet")
    (found,) = load_theorems(str(tmp_path / "m"), "valid").records
    assert found.statement == MINIF2F[0]["formal_statement"].removesuffix(" := by\n")
    assert found.informal == "Find an integer $n$. Show that it is 57."
    assert found.theorem.header.imports == ("Mathlib", "Aesop")


def test_core_lean_spells_the_numbers_out_and_needs_no_mathlib() -> None:
    (found,) = theorems_of_rows(MINIF2F, "miniF2F valid").records
    rewritten = rewrite_for_core(found)
    assert rewritten.statement.startswith("theorem mathd_numbertheory_33 (n : Nat) (h₀ : n < 398)")
    assert rewritten.header == ""
    assert (rewritten.name, rewritten.source) == (found.name, "miniF2F valid")


def test_only_the_symbols_themselves_are_rewritten() -> None:
    (found,) = theorems_of_rows([{"formal_statement": "theorem t (fℕ : ℕ → ℤ) : fℕ 0 = 1 := by"}], "x").records
    assert rewrite_for_core(found).statement == "theorem t (fℕ : Nat → Int) : fℕ 0 = 1"


@pytest.mark.parametrize(
    ("text", "statement"),
    [
        ("theorem a : 1 = 1 := by sorry", "theorem a : 1 = 1"),
        ("theorem a : 1 = 1 :=\n  sorry", "theorem a : 1 = 1"),
        ("import Mathlib\n\n/-- One theorem. -/\ntheorem a : 1 = 1 := by\n", "theorem a : 1 = 1"),
        ("lemma a (n : Nat := 2) : n = n := by rfl", "theorem a (n : Nat := 2) : n = n"),
        ("theorem a : 1 = 1", "theorem a : 1 = 1"),
        ("theorem a (n : Nat) : let m := n; m = n := by sorry", "theorem a (n : Nat) : let m := n; m = n"),
        ("theorem a : have h := 1; h = 1", "theorem a : have h := 1; h = 1"),
        ("lemma first : 1 = 1 := rfl\r\ntheorem a : 2 = 2 := by", "theorem a : 2 = 2"),
    ],
)
def test_a_statement_ends_before_its_proof(text: str, statement: str) -> None:
    assert parts_of(text)[2] == statement


@pytest.mark.parametrize(
    ("before", "header", "context"),
    [
        ("", "", ""),
        ("def two := 2\n\n", "", "def two := 2"),
        ("open Nat in\n", "", "open Nat"),
        (
            "open Nat in\nset_option maxRecDepth 900 in\n/-- Doc. -/\n@[simp] ",
            "",
            "open Nat\nset_option maxRecDepth 900",
        ),
        ('local notation "G" => Nat.gcd\n', "", 'local notation "G" => Nat.gcd'),
        (
            "import Std\n\n/-- import Lean -/\ndef two := 2\n/-- Doc. -/\n",
            "import Std",
            "/-- import Lean -/\ndef two := 2",
        ),
        ("lemma first : 1 = 1 := by\n  rfl\n\n@[simp] private ", "", "lemma first : 1 = 1 := by\n  rfl"),
    ],
)
def test_what_stands_before_a_theorem_is_its_context(before: str, header: str, context: str) -> None:
    (found,) = theorems_of_rows([{"formal_statement": f"{before}theorem t : 2 = 2 := by sorry"}], "x").records
    assert (found.header, found.context, found.statement) == (header, context, "theorem t : 2 = 2")


def test_rows_that_cannot_be_read_are_skipped_with_a_reason() -> None:
    rows = [
        {"formal_statement": "def f := 1"},
        {"formal_statement": None},
        {"formal_statement": "theorem : True := by"},
        {"formal_statement": "theorem t : True := by"},
        {"statement": "theorem t : True"},
    ]
    loaded = theorems_of_rows(rows, "x")
    assert [found.name for found in loaded.records] == ["t"]
    assert [number for number, _ in loaded.skipped] == [0, 1, 2, 4]
    assert loaded.skipped[0][1] == "there is no theorem in `formal_statement`"
    assert loaded.skipped[1][1] == "the row has no text in `formal_statement`"
