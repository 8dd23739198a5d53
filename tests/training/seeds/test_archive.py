from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.commands import leansieve
from training.corpus.jsonl import read_jsonl, write_jsonl
from training.corpus.record import TheoremRecord
from training.seeds.archive import ArchivedSeeds, pack, unpack
from training.seeds.questions import SeedEnding
from training.seeds.run import SeedRecord, read_seeds


def record(number: int, guard: str = "") -> TheoremRecord:
    return TheoremRecord(name=f"t{number}", statement=f"theorem t{number} : {number} = {number}", guard=guard)


def row(number: int, *proofs: str) -> SeedRecord:
    origins = tuple("portfolio" for _ in proofs)
    return SeedRecord(
        theorem=record(number), proofs=proofs, origins=origins, ending=SeedEnding.EXHAUSTED, requests=3, seconds=1.5
    )


@given(st.lists(st.lists(st.text(max_size=20), max_size=3), max_size=6))
def test_unpacking_gives_back_what_was_packed(proofs: list[list[str]]) -> None:
    rows = [row(number, *found) for number, found in enumerate(proofs)]
    assert unpack(pack(rows), [each.theorem for each in rows]) == (rows, 0)


def test_theorems_that_the_corpus_lacks_are_counted() -> None:
    assert unpack(pack([row(0, "rfl"), row(1)]), [record(1)]) == ([row(1)], 1)


def test_a_guarded_theorem_is_not_taken_for_one_without() -> None:
    assert unpack(pack([row(0, "rfl")]), [record(0, guard="Nat.x")]) == ([], 1)


def test_archive_holds_no_statement_and_is_the_same_each_time(tmp_path: Path) -> None:
    seeds = tmp_path / "seeds.jsonl"
    write_jsonl(seeds, [row(0, "rfl"), row(1, "by\n  omega")])
    write_jsonl(tmp_path / "corpus.jsonl", [record(0), record(1)])
    archives = [tmp_path / "a.jsonl.gz", tmp_path / "b.jsonl.gz"]
    for archive in archives:
        run("pack", seeds, archive)
    assert archives[0].read_bytes() == archives[1].read_bytes()
    assert "theorem t" not in "".join(each.model_dump_json() for _, each in read_jsonl(archives[0], ArchivedSeeds))
    run("unpack", archives[0], tmp_path / "corpus.jsonl", "--out", tmp_path / "again.jsonl")
    assert read_seeds(tmp_path / "again.jsonl") == read_seeds(seeds)
    assert "exists" in run("unpack", archives[0], tmp_path / "corpus.jsonl", "--out", tmp_path / "again.jsonl", code=1)


def test_a_cut_archive_is_named(tmp_path: Path) -> None:
    archive = tmp_path / "a.jsonl.gz"
    write_jsonl(archive, pack([row(number, "rfl") for number in range(50)]))
    archive.write_bytes(archive.read_bytes()[:-20])
    with pytest.raises(ValueError, match=r"a\.jsonl\.gz is not gzip, or was cut off"):
        list(read_jsonl(archive, ArchivedSeeds))


def run(*arguments: object, code: int = 0) -> str:
    done = leansieve(*map(str, arguments), program=("-m", "training.seeds.archive"))
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr
