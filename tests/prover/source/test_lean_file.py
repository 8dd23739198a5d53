"""Finding theorems and their `sorry`s in `.lean` files."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import UserError
from prover.source import lean_file
from prover.verdict import Message, Region

FILE = """/- Copyright /- nested -/ theorem no : False := sorry -/
import Std
-- theorem no : False := sorry
import Init

open Nat

/-- Double. `theorem no : False := by sorry` -/
def double (n : Nat) : Nat := n + n

namespace Foo
variable (k : Nat)

/-- The first. -/
@[simp] private theorem first {n : Nat} (h : n = (fun (x : Nat := 3) => x) n) : "theorem no := sorry" = "-- /-" := by
  sorry -- what now?

theorem «second one» : 'a' = 'a' -- a trailing remark
    := sorry

set_option maxRecDepth 1000 in
open List in
/-- third -/
theorem third' (a b : Nat) : a + b = b + a := by
  have : a = a := by sorry
  omega

lemma fourth : double 2 = 4 := rfl

theorem equations : (n : Nat) → n = n
  | 0 => rfl
  | n + 1 => by have h : n = n := sorry; rfl

theorem structured : True ∧ True where
  left := sorry
  right := sorry

example : 1 + 1 = 2 := by sorry
end Foo
"""


def test_theorems_and_holes_are_found() -> None:
    file = lean_file.parse(FILE)
    assert file.header.imports == ("Init", "Std")
    assert file.header.prelude == ""
    assert [(item.name, item.hole) for item in file.theorems] == [
        ("first", True),
        ("«second one»", True),
        ("third'", False),
        ("fourth", False),
        ("example of line 38", True),
    ]
    assert file.unfilled == (25, 32, 35, 36)


def test_statements_are_plain_theorems() -> None:
    first, second, third, fourth, example = lean_file.parse(FILE).theorems
    assert first.statement.startswith("theorem first {n : Nat} (h : n = (fun (x : Nat := 3) => x) n) :")
    assert first.statement.endswith('"theorem no := sorry" = "-- /-"')
    assert second.statement == "theorem «second one» : 'a' = 'a'"
    assert third.statement == "theorem third' (a b : Nat) : a + b = b + a"
    assert fourth.statement == "theorem fourth : double 2 = 4"
    assert example.statement == "theorem leansieve_example_38 : 1 + 1 = 2"


def test_the_context_is_what_stands_before_without_a_dangling_doc_comment_or_prefix() -> None:
    file = lean_file.parse(FILE)
    first, second, third, _, _ = file.theorems
    assert file.theorem(first).context.lstrip().startswith("open Nat")
    assert file.theorem(first).context.endswith("\nvariable (k : Nat)")
    assert file.theorem(second).context.endswith("by\n  sorry")
    assert file.theorem(third).context.endswith("set_option maxRecDepth 1000   \nopen List   ")


def test_proofs_go_where_the_sorry_was() -> None:
    file = lean_file.parse(FILE)
    assert file.proof(file.theorems[0]) == "by\n  sorry"
    filled = file.filled(file.theorems[0], "by\n  simp\n")
    assert filled.text == FILE.replace("by\n  sorry -- what", "by\n  simp -- what")
    assert [item.hole for item in filled.theorems] == [False, True, False, False, True]
    assert filled.proof(filled.theorems[0]) == "by\n  simp"


def test_messages_are_placed_in_the_file() -> None:
    file = lean_file.parse(FILE)
    lines = FILE.splitlines()

    def shown(item: lean_file.FileTheorem, region: Region, line: int, column: int) -> str:
        at, start = file.position(item, Message("error", "", region, line, column))
        return lines[at - 1][start:]

    first, second, _, fourth, example = file.theorems
    assert shown(first, Region.STATEMENT, 1, 8).startswith("first {n")
    assert shown(first, Region.CANDIDATE, 2, 2).startswith("sorry -- what")
    assert shown(second, Region.CANDIDATE, 1, 0) == "sorry"
    assert shown(fourth, Region.STATEMENT, 1, len("theorem ")).startswith("fourth")
    assert shown(example, Region.STATEMENT, 1, len("theorem leansieve_example_38 : ")).startswith("1 + 1")
    assert shown(first, Region.CONTEXT, 1, 0) == "open Nat"


def test_a_file_without_imports_gets_what_lean_gives_it() -> None:
    assert lean_file.parse("theorem a : True := sorry").header.imports == ("Init",)


@pytest.mark.parametrize(
    "text",
    [
        "theorem a : True := sorry theorem b : True := by sorry",
        "namespace A\n  theorem a : True := sorry\n  @[simp] private theorem b : True := by\n    sorry\n  end A\n",
        "theorem a : True := by\nsorry\n#check a\ntheorem b : True := sorry",
    ],
)
def test_one_theorem_ends_where_the_next_begins(text: str) -> None:
    assert [(item.name, item.hole) for item in lean_file.parse(text).theorems] == [("a", True), ("b", True)]


def test_a_doc_comment_between_two_theorems_is_in_no_context() -> None:
    file = lean_file.parse("theorem a : True := sorry\n/-- doc -/\ntheorem b : True := sorry")
    assert file.theorem(file.theorems[1]).context == "theorem a : True := sorry"


@pytest.mark.parametrize(
    "proof", ["by sorry <;> simp", "sorry.elim", "by\n  simp\n  sorry", "sorry'", "absurd sorry sorry"]
)
def test_a_sorry_inside_a_proof_is_no_hole(proof: str) -> None:
    (item,) = lean_file.parse(f"theorem a : True := {proof}").theorems
    assert not item.hole


@given(st.lists(st.sampled_from(["theorem a", " : ", "/-", "-/", "--", "\n", '"', "'", "«", "»", ":=", " sorry ", "by ", "(", ")", "@[", "]", "private ", "open X in\n", "/-- d -/", "import Std\n"]), max_size=25).map("".join))  # fmt: skip
def test_any_text_is_cut_consistently(text: str) -> None:
    file = lean_file.parse(text)
    for item in file.theorems:
        assert file.body <= item.start <= item.keyword < item.proof_start <= item.proof_end <= len(text)
        if item.hole:
            assert file.proof(item).endswith("sorry")


@pytest.mark.parametrize(
    "text",
    [
        "theorem a : 1 = 1 := sorry\n" * 10_000,
        "@[" * 200_000 + "theorem a : 1 = 1 := sorry",
        "@[ theorem a" * 30_000,
        "theorem a\n" + "\n \n" * 100_000,
        'r#"' * 200_000,
        "«" * 300_000,
        "/-" * 300_000,
        "open X in\n" * 50_000,
    ],
)
def test_hostile_files_are_read_in_linear_time(text: str) -> None:
    lean_file.parse(text)  # a second; quadratic would take hours, and the time limit of tests would end it


def test_reading_refuses_what_is_no_lean_file(tmp_path: Path) -> None:
    for name, content, words in [
        ("empty.lean", b" \n", "is empty"),
        ("latin.lean", b"-- ok\ntheorem caf\xe9 : True", r"latin.lean:2: byte 0xe9 is not UTF-8"),
        ("huge.lean", b"-" * (lean_file.LONGEST + 1), "larger than"),
        ("import.lean", b"import ../x\n", "header line 1"),
        ("module.lean", b"module\npublic import Std\n", "plain `import` lines"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=words):
            lean_file.read(tmp_path / name)
    with pytest.raises(UserError, match="No such file"):
        lean_file.read(tmp_path / "none.lean")
    with pytest.raises(UserError, match="Is a directory"):
        lean_file.read(tmp_path)


def test_writing_keeps_line_ends_mode_and_links(tmp_path: Path) -> None:
    path, link = tmp_path / "a.lean", tmp_path / "link.lean"
    path.write_bytes(b"theorem a : True := sorry\r\n-- end\r\n")
    path.chmod(0o640)
    link.symlink_to(path)
    file = lean_file.read(link)
    lean_file.write(link, file.filled(file.theorems[0], "trivial").text)
    assert path.read_bytes() == b"theorem a : True := trivial\r\n-- end\r\n"
    assert path.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(os.listdir(tmp_path)) == ["a.lean", "link.lean"]


def test_a_failed_write_keeps_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.lean"
    path.write_text("theorem a : True := sorry\n")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match="No space left on device; it was left as it was"):
        lean_file.write(path, "theorem a : True := trivial\n")
    assert path.read_text() == "theorem a : True := sorry\n"
    assert os.listdir(tmp_path) == ["a.lean"]
