import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import UserError
from service.batch.run.inputs import Entry, Shard, from_path
from service.ops.config import TextSettings

LIMITS = TextSettings()


def lines(path: Path, *rows: object) -> Path:
    path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
    return path


def test_lines_go_by_id_or_name(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "in.jsonl",
        {"id": 1, "statement": "theorem a : 1 = 1", "family": "logic"},
        {"name": "b", "statement": "theorem b : 2 = 2", "guard": "Nat.two", "context": "def x := 1"},
        "nonsense\n",
        {"id": 1, "statement": "theorem twice : 1 = 1"},
        {"id": "c", "statement": "theorem c : 3 = 3", "guard": "x" * 2000},
    )
    entries = list(from_path(path, LIMITS))
    assert [entry.id for entry in entries] == [1, "b", "line:3", "line:4", "c"]
    assert [entry.theorem is None for entry in entries] == [False, False, True, True, True]
    assert [entry.verdict is None for entry in entries] == [True, True, False, False, False]
    assert (entries[0].family, entries[1].guard) == ("logic", "Nat.two")
    assert entries[1].theorem is not None
    assert entries[1].theorem.context == "def x := 1"


def test_the_holes_of_a_folder_are_found_in_the_order_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    for hidden in (".lake", "build"):
        (tmp_path / hidden).mkdir()
        (tmp_path / hidden / "C.lean").write_text("theorem c : 1 = 1 := sorry")
    (tmp_path / "sub" / "A.lean").write_text("theorem a : 1 = 1 := by sorry")
    (tmp_path / "B.lean").write_text(
        "def x := 1\n\ntheorem done : 1 = 1 := rfl\ntheorem b : x = 1 := sorry\nexample : 1 = 1 := by\n  sorry\n"
    )
    entries = list(from_path(tmp_path, LIMITS))
    assert [(entry.id, entry.family) for entry in entries] == [
        ("B.lean:4:b", "B.lean"),
        ("B.lean:5:example of line 5", "B.lean"),
        ("sub/A.lean:1:a", "sub/A.lean"),
    ]
    assert entries[0].theorem is not None
    assert "def x := 1" in entries[0].theorem.context


def test_a_text_that_is_too_long_is_that_theorems_answer(tmp_path: Path) -> None:
    path = tmp_path / "A.lean"
    path.write_text('def x := "' + "x" * 200 + '"' + "\ntheorem a : 1 = 1 := sorry\n")
    (entry,) = from_path(path, TextSettings(context=100))
    assert entry.theorem is None
    assert entry.verdict is not None
    assert "at most 100" in entry.verdict.messages[0].text


def test_what_is_no_input_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sherlock")
    (tmp_path / "empty").mkdir()
    for path, said in (
        (tmp_path / "letter.txt", "neither"),
        (tmp_path / "empty", "no .lean file"),
        (tmp_path / "x.jsonl", "cannot read"),
    ):
        with pytest.raises(UserError, match=said):
            list(from_path(path, LIMITS))


@given(st.lists(st.text(), unique=True), st.integers(1, 7))
def test_each_theorem_is_in_exactly_one_shard(names: list[str], count: int) -> None:
    entries = [Entry(name, None) for name in names]
    parts = [[entry for entry in entries if Shard(number, count).holds(entry)] for number in range(1, count + 1)]
    assert sorted(entry.id for part in parts for entry in part) == sorted(names)


@pytest.mark.parametrize("text", ["", "0/3", "4/3", "1/", "/2", "a/b", "-1/2", "1/2/3"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="I/N"):
        Shard.parse(text)


def test_nothing_of_a_folder_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "Empty.lean").write_text("")
    (tmp_path / "Latin.lean").write_bytes(b"theorem caf\xe9 : True := sorry")
    (tmp_path / "New.lean").write_text("module\n\npublic import Std\n\ntheorem new : 1 = 1 := by\n  sorry\n")
    (tmp_path / "Parts.lean").write_text(
        "theorem parts : 1 = 1 ∧ 2 = 2 := by\n  constructor\n  · sorry\n  · admit\n\n"
        "def data : { n : Nat // 0 < n } := ⟨1, by sorry⟩\n\ntheorem stopped : 1 = 2 := by\n  stop\n  rfl\n"
    )
    (tmp_path / "Proved.lean").write_text("theorem proved : 1 = 1 := rfl\n")
    (tmp_path / "Quiet.lean").write_text("theorem q : 1 = 1 := sorry\n/- a\ntheorem r : 2 = 2 := sorry\n")
    told: list[str] = []
    entries = list(from_path(tmp_path, LIMITS, told.append))
    assert told == ["1 of 6 files hold no `sorry`; nothing in them is looked at"]
    assert [entry.id for entry in entries] == [
        "Empty.lean",
        "Latin.lean",
        "New.lean:5:new",
        "Parts.lean:3:4:parts",
        "Parts.lean:4:4:parts",
        "Parts.lean:6:42:data",
        "Parts.lean:9:2",
        "Quiet.lean:1:q",
        "Quiet.lean:2:0",
    ]
    assert [entry.theorem is None for entry in entries] == [True, True, False, True, True, True, True, False, True]
    said = [entry.verdict.messages[0].text for entry in entries if entry.verdict]
    assert "is empty" in said[0]
    assert "is not UTF-8" in said[1]
    assert "`stop` leaves the rest of its proof" in said[2]
    assert said[3] == "this comment is not closed: it hides the rest"
    parts = [entry.part for entry in entries if entry.part]
    assert [part.index for part in parts] == [0, 1, 0]
    assert parts[2].declaration.strip() == "def data : { n : Nat // 0 < n } := ⟨1, by sorry⟩"
    assert parts[2].context.strip().startswith("theorem parts")


def test_a_folder_that_cannot_be_read_is_an_entry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "A.lean").write_text("theorem a : 1 = 1 := sorry\n")
    locked = tmp_path / "locked"
    locked.mkdir()
    scandir = os.scandir

    def guarded(path: str) -> object:
        if Path(path) == locked:
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", guarded)
    unread, found = from_path(tmp_path, LIMITS)
    assert (unread.id, unread.theorem, found.id) == ("locked", None, "A.lean:1:a")
    assert unread.verdict is not None
    assert "Permission denied" in unread.verdict.messages[0].text
