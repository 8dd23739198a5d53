"""Parquet files and saved data sets in place of JSON lines."""

from pathlib import Path

import datasets  # type: ignore[import-untyped]
import pytest

from training.corpus.proofs import ProvedTheorem, read_proofs
from training.corpus.record import read_corpus
from training.corpus.synthetic.generator import generate

RECORDS = generate(6, seed=3)


def test_theorems_are_read_from_parquet_and_from_a_saved_data_set(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_list([record.model_dump() | {"difficulty": 3} for record in RECORDS])
    rows.to_parquet(str(tmp_path / "c.parquet"))
    rows.save_to_disk(str(tmp_path / "saved"))
    assert read_corpus(tmp_path / "c.parquet") == read_corpus(tmp_path / "saved") == RECORDS


def test_proofs_are_read_from_parquet(tmp_path: Path) -> None:
    proved = [ProvedTheorem(theorem=record, proofs=("by omega", "by simp")) for record in RECORDS]
    rows = datasets.Dataset.from_list([each.model_dump() for each in proved])
    rows.to_parquet(str(tmp_path / "p.parquet"))
    assert read_proofs(tmp_path / "p.parquet") == proved


def test_rows_of_the_minif2f_kind_are_theorems(tmp_path: Path) -> None:
    rows = [{"name": "a", "formal_statement": "theorem a : 1 + 1 = 2 := by sorry", "header": None}]
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "c.parquet"))
    (record,) = read_corpus(tmp_path / "c.parquet")
    assert (record.name, record.statement) == ("a", "theorem a : 1 + 1 = 2")


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [{"name": "a", "statement": "theorem b : 1 = 1"}],
            r"row 1: the statement's theorem is called b, the record a\.",
        ),
        (
            [{"formal_statement": "theorem a : 1 = 1"}, {"formal_statement": "nothing"}],
            r"row 2: there is no theorem in",
        ),
        ([{"text": "x"}], r"row 1: name: Field required\."),
    ],
)
def test_a_row_that_is_no_theorem_is_named(tmp_path: Path, rows: list[dict[str, str]], message: str) -> None:
    datasets.Dataset.from_list(rows).to_parquet(str(tmp_path / "c.parquet"))
    with pytest.raises(ValueError, match=rf"c\.parquet, {message}"):
        read_corpus(tmp_path / "c.parquet")


def test_what_is_no_table_is_said(tmp_path: Path) -> None:
    (tmp_path / "c.parquet").write_text("no")
    with pytest.raises(ValueError, match=r"c\.parquet is not a Parquet file: "):
        read_corpus(tmp_path / "c.parquet")
    with pytest.raises(ValueError, match="is a folder, and not one that `datasets` saved"):
        read_corpus(tmp_path)
    with pytest.raises(OSError, match="there is no such file"):
        read_corpus(tmp_path / "none.parquet")
