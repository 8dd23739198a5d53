"""Finding theorems and their `sorry`s in `.lean` files."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.errors import UserError
from prover.source import disk, lean_file
from prover.source.faults import below_faults, left_open
from prover.source.scanner import Command, Form
from prover.verdict import Message, Mode, Region, Verdict, VerdictKind

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
        ("equations", False),
        ("structured", False),
        ("example of line 38", True),
    ]
    lines = [file.text.count("\n", 0, start) + 1 for item in file.commands for start, _ in file.sorries(item)]
    assert lines == [16, 19, 25, 32, 35, 36, 38]


def test_statements_are_plain_theorems() -> None:
    first, second, third, fourth, equations, structured, example = lean_file.parse(FILE).theorems
    assert first.statement.startswith("theorem first {n : Nat} (h : n = (fun (x : Nat := 3) => x) n) :")
    assert first.statement.endswith('"theorem no := sorry" = "-- /-"')
    assert second.statement == "theorem «second one» : 'a' = 'a'"
    assert third.statement == "theorem third' (a b : Nat) : a + b = b + a"
    assert fourth.statement == "theorem fourth : double 2 = 4"
    assert equations.statement == "theorem equations : (n : Nat) → n = n"
    assert structured.statement == "theorem structured : True ∧ True"
    assert example.statement == "theorem leansieve_example_38 : 1 + 1 = 2"


def test_the_context_is_what_stands_before_without_a_dangling_doc_comment_or_prefix() -> None:
    file = lean_file.parse(FILE)
    first, second, third, *_ = file.theorems
    assert file.theorem(first).context.lstrip().startswith("open Nat")
    assert file.theorem(first).context.endswith("\nvariable (k : Nat)")
    assert file.theorem(second).context.endswith("by\n  sorry")
    assert file.theorem(third).context.endswith("set_option maxRecDepth 1000   \nopen List   ")


def test_proofs_go_where_the_sorry_was() -> None:
    file = lean_file.parse(FILE)
    assert file.proof(file.theorems[0]) == "by\n  sorry"
    filled = file.filled(file.theorems[0], "by\n  simp\n")
    assert filled.text == FILE.replace("by\n  sorry -- what", "by\n  simp -- what")
    assert [item.hole for item in filled.theorems] == [False, True, False, False, False, False, True]
    assert filled.proof(filled.theorems[0]) == "by\n  simp"


def test_messages_are_placed_in_the_file() -> None:
    file = lean_file.parse(FILE)
    lines = FILE.splitlines()

    def shown(item: Command, region: Region, line: int, column: int) -> str:
        at, start = file.position(item, Message("error", "", region, line, column))
        return lines[at - 1][start:]

    first, second, _, fourth, equations, _, example = file.theorems
    assert shown(first, Region.STATEMENT, 1, 8).startswith("first {n")
    assert shown(first, Region.CANDIDATE, 2, 2).startswith("sorry -- what")
    assert shown(second, Region.CANDIDATE, 1, 0) == "sorry"
    assert shown(fourth, Region.STATEMENT, 1, len("theorem ")).startswith("fourth")
    assert shown(example, Region.STATEMENT, 1, len("theorem leansieve_example_38 : ")).startswith("1 + 1")
    assert shown(equations, Region.CANDIDATE, 1, len("theorem ")).startswith("equations")
    assert shown(equations, Region.CANDIDATE, 3, 4).startswith("n + 1 => by")
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
        assert file.body <= item.start <= item.at < item.proof_start <= item.proof_end <= len(text)
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
        ("marked.lean", b"\xef\xbb\xbftheorem a : True := trivial\n", "byte order mark, .*: save the file without it"),
        ("huge.lean", b"-" * (disk.LONGEST + 1), "larger than"),
        ("import.lean", b"import ../x\n", "header line 1"),
        ("all.lean", b"module\n\npublic import all\n", "header line 3"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(UserError, match=words):
            disk.read(tmp_path / name)
    with pytest.raises(UserError, match="No such file"):
        disk.read(tmp_path / "none.lean")
    with pytest.raises(UserError, match="is a folder, not a plain file"):
        disk.read(tmp_path)


def test_writing_keeps_line_ends_mode_and_links(tmp_path: Path) -> None:
    path, link = tmp_path / "a.lean", tmp_path / "link.lean"
    path.write_bytes(b"theorem a : True := sorry\r\n-- end\r\n")
    path.chmod(0o640)
    link.symlink_to(path)
    file = disk.read(link)
    disk.write(link, file.filled(file.theorems[0], "trivial").text, file.text)
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
        disk.write(path, "theorem a : True := trivial\n", path.read_text())
    assert path.read_text() == "theorem a : True := sorry\n"
    assert os.listdir(tmp_path) == ["a.lean"]


@pytest.mark.parametrize(
    ("declaration", "statement", "form"),
    [
        ("theorem a (n : Nat) :\n  let k := n\n  k = n := by rfl", "theorem a (n : Nat) :\n  let k := n\n  k = n", Form.ASSIGNED),
        ("theorem a : have h := 1; h = 1 := rfl", "theorem a : have h := 1; h = 1", Form.ASSIGNED),
        ("theorem a : match 1 with\n  | 0 => True\n  | _ => 1 = 1 := rfl", "theorem a : match 1 with\n  | 0 => True\n  | _ => 1 = 1", Form.ASSIGNED),
        ("theorem a : f = fun\n  | 0 => 1\n  | n => n := rfl", "theorem a : f = fun\n  | 0 => 1\n  | n => n", Form.ASSIGNED),
        ("theorem a :\n    |x| = y := by\n  cases h with\n  | inl h => rfl", "theorem a :\n    |x| = y", Form.ASSIGNED),
        ("theorem a (p : P := { x := 1 }) : p.x = 1 := rfl", "theorem a (p : P := { x := 1 }) : p.x = 1", Form.ASSIGNED),
        ("theorem a : (x || y) = z := rfl", "theorem a : (x || y) = z", Form.ASSIGNED),
        ("lemma a : Nat → True | 0 => trivial | _ => trivial", "theorem a : Nat → True", Form.EQUATIONS),
        ("theorem a : P ∧ Q where\n  left := p\n  right := q", "theorem a : P ∧ Q", Form.FIELDS),
    ],
)  # fmt: skip
def test_a_statement_ends_where_lean_ends_it(declaration: str, statement: str, form: Form) -> None:
    (item,) = lean_file.parse(f"{declaration}\n\n#eval 1\n").theorems
    assert (item.statement, item.form) == (statement, form)


@pytest.mark.parametrize(
    ("header", "imports"),
    [
        ("module\n\npublic import Std\nimport all Lean.Data\n", ("Init", "Std", "Lean.Data")),
        ("/- Copyright -/\nimport Std -- why\n", ("Init", "Std")),
        ("prelude\nimport Init.Core\n", ("Init", "Init.Core")),
        ("module -- all of it\npublic meta import Lean.Elab\nmeta import Std import Lean\n", ("Init", "Lean.Elab", "Std", "Lean")),
        ("module\n", ("Init",)),
    ],
)  # fmt: skip
def test_every_header_of_lean_is_read(header: str, imports: tuple[str, ...]) -> None:
    file = lean_file.parse(header + "theorem a : True := sorry\n")
    assert file.header.imports == imports
    assert file.theorem(file.theorems[0]).context.strip() == ""


def test_every_sorry_of_a_file_is_a_hole_or_told() -> None:
    file = lean_file.parse(
        "def d : { n : Nat // 0 < n } := ⟨1, by sorry⟩\n"
        "instance : Inhabited Nat where\n  default := sorry\n"
        'macro "m" : tactic => `(tactic| sorry)\n'
        "mutual\ntheorem a : True := by admit\ntheorem b : True := by\n  · sorry; sorry\nend\n"
        "theorem c : True := by\n  stop\n  sorry\n"
        "#check (sorry : Nat)\n"
    )
    holes = [(item.keyword, len(file.sorries(item))) for item in file.commands]
    assert holes == [("def", 1), ("instance", 1), ("macro", 0), ("mutual", 3), ("theorem", 1), ("#check", 0)]
    assert [file.text.count("\n", 0, one.start) + 1 for one in file.open] == [4, 11, 13]


def test_what_only_shows_something_stands_in_no_context() -> None:
    file = lean_file.parse(
        "def one := 1\n#eval one\nexample : one = 2 := rfl\n#guard_msgs in\n@[simp] theorem a : one = 1 := sorry\n"
    )
    (_, item) = file.theorems
    lines = file.theorem(item).context.split("\n")
    assert [line.strip() for line in lines] == ["def one := 1", "", "", ""]


def test_errors_above_a_theorem_are_local() -> None:
    file = lean_file.parse(
        "theorem one : 1 = 2 := by\n  rfl\n\ndef f : Nat :=\n  true\n\nexport Bad (x)\n\ntheorem two : 2 = 2 := rfl\n"
    )
    two = file.theorems[-1]
    errors = tuple(Message("error", "no", Region.CONTEXT, line, 2) for line in (2, 5, 7))
    below = below_faults(file, Verdict(VerdictKind.INVALID_STATEMENT, messages=errors))
    assert below is not None
    file, faults = below
    assert [(fault.number, fault.line) for fault in faults] == [(0, 2), (1, 5), (2, 7)]
    context = file.theorem(two).context
    assert context.split() == [
        "theorem",
        "one",
        ":",
        "1",
        "=",
        "2",
        ":=",
        "sorry",
        "def",
        "f",
        ":",
        "Nat",
        ":=",
        "sorry",
    ]
    assert context.count("\n") == 6  # every line stays where it was
    again = below_faults(file, Verdict(VerdictKind.INVALID_STATEMENT, messages=errors[1:2]))
    assert again is not None
    assert again[1] == ()  # it was told already
    assert again[0].theorem(two).context.split() == ["theorem", "one", ":", "1", "=", "2", ":=", "sorry"]
    mine = Verdict(VerdictKind.REJECTED, messages=(Message("error", "no", Region.CANDIDATE),))
    assert below_faults(file, mine) is None


def test_an_error_where_a_command_ends_too_early_hides_none_of_the_next_command() -> None:
    file = lean_file.parse('theorem (x : 1 := sorry\n\ndef f : Nat := "hello"\n\ntheorem c : f = f := rfl\n')
    errors = tuple(
        Message("error", text, Region.CONTEXT, line, column)
        for text, line, column in (
            ("unexpected token '('", 1, 7),
            ("unexpected token 'def'", 1, 23),
            ("type mismatch", 3, 15),
        )
    )
    below = below_faults(file, Verdict(VerdictKind.INVALID_STATEMENT, messages=errors))
    assert below is not None
    assert [(fault.number, fault.text) for fault in below[1]] == [(0, "unexpected token '('"), (1, "type mismatch")]


def test_a_declaration_with_a_hole_is_its_own_candidate() -> None:
    file = lean_file.parse(
        "open Nat in\n/-- two -/\ndef two : Fin 3 := ⟨2, by sorry⟩\n\nlemma x : True where\n  a := sorry\n"
    )
    two, x = file.commands
    assert (file.theorem(two).statement, file.theorem(two).context) == ("", "")
    assert file.candidate(two).text == "open Nat in\n/-- two -/\ndef two : Fin 3 := ⟨2, by sorry⟩"
    assert file.candidate(x).text == "theorem x : True where\n  a := sorry"
    assert {file.candidate(item).mode for item in (two, x)} == {Mode.FILE}
    apart = lean_file.parse("theorem x : True := trivial\n\ndef y : Nat := sorry\n")
    kept = apart.filled(apart.commands[1], "\n\ndef y : Nat := 1").text
    assert kept == "theorem x : True := trivial\n\ndef y : Nat := 1\n"
    assert file.filled(x, "theorem x : True where\n  a := b").text.endswith("⟩\n\nlemma x : True where\n  a := b\n")


def test_what_was_typed_meanwhile_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.lean"
    path.write_text("theorem a : True := sorry\n")
    file = disk.read(path)
    path.write_text("theorem a : True := sorry\ntheorem mine : 1 = 1 := rfl\n")
    for number in (1, 2):
        with pytest.raises(UserError, match=f"changed meanwhile .* in .*a.proved-{number}.lean"):
            disk.write(path, "theorem a : True := trivial\n", file.text)
    assert path.read_text().endswith("theorem mine : 1 = 1 := rfl\n")
    assert (tmp_path / "a.proved-1.lean").read_text() == "theorem a : True := trivial\n"


def test_a_named_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "Pipe.lean")
    with pytest.raises(UserError, match="is a named pipe, not a plain file"):
        disk.read(tmp_path / "Pipe.lean")


def test_an_error_below_the_last_command_is_told_whatever_was_told_of_that() -> None:
    file = lean_file.parse("theorem a : 1 = 1 := rfl\n/- x")
    verdict = Verdict(VerdictKind.REJECTED, messages=(Message("error", "unterminated comment", line=2, column=4),))
    assert [(one.line, one.column, one.text) for one in left_open(file, verdict, {0})] == [
        (2, 0, "unterminated comment")
    ]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("/- x\n\n", (1, 0)),
        ("import Std\n-- a\n/- x /- y -/\ntheorem a : 1 = 2 := sorry\n", (3, 0)),
        ("import Std /- x", (1, 11)),
        ("theorem a : 1 = 1 := rfl/- x\n", (1, 24)),
        ("theorem a : 1 = 1 := rfl\n\n  /-- x\n\ntheorem b : 1 = 2 := rfl", (3, 2)),
    ],
)
def test_a_comment_that_is_never_closed_reaches_lean_and_is_told_where_it_opens(
    text: str, place: tuple[int, int]
) -> None:
    file = lean_file.parse(text)
    assert "/-" in file.whole()
    at = lean_file.line_and_column(file.own, len(file.own))  # where Lean reports it
    verdict = Verdict(
        VerdictKind.REJECTED, messages=(Message("error", "unterminated comment", line=at[0], column=at[1]),)
    )
    assert [(one.line, one.column, one.text) for one in left_open(file, verdict, range(len(file.commands)))] == [
        (*place, "unterminated comment")
    ]
    (message,) = file.placed(verdict).messages
    assert (message.line, message.column) == place


def test_closed_comments_behind_the_imports_are_no_part_of_the_context() -> None:
    assert lean_file.parse("import Std\n\n/- x -/\n").own == ""


def test_an_error_about_an_import_is_at_that_import() -> None:
    file = lean_file.parse("-- Std.No\n\nimport Std\nimport  Std.No\n\ntheorem a : 1 = 1 := rfl\n")
    for text in ("unknown module `Std.No`", "`import Std.No` is not allowed here; allowed are Init and below"):
        message = Message("error", text, Region.HEADER)
        assert file.position(file.theorems[0], message) == (4, 8)
        (placed,) = file.placed(Verdict(VerdictKind.FORBIDDEN, messages=(message,))).messages
        assert (placed.line, placed.column) == (4, 8)
        bare = lean_file.parse("import Std\nimport  Std.No\n\ndef x := 1\n")
        (fault,) = left_open(bare, Verdict(VerdictKind.FORBIDDEN, messages=(message,)), ())
        assert (fault.line, fault.column, fault.text) == (2, 8, text)
