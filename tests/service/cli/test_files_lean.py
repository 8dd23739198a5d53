"""Realistic files: `check`, `prove` and `check --against` with real Lean."""

import json
from pathlib import Path

import pytest

from tests.service.cli.test_cli_lean import leansieve

pytestmark = pytest.mark.lean

TWO_ERRORS = "".join(
    f"theorem t{number} (n : Nat) : n + {number} = {number} + n := by omega\n\n"
    if number not in (2, 5)
    else f"theorem t{number} (n : Nat) : n = n + {number} := by\n  omega\n\n"
    for number in range(1, 17)
)


async def test_two_errors_leave_fourteen_right_verdicts(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text(TWO_ERRORS)
    done = await leansieve("check", path, "--server", served)
    lines = [line for line in done.out.splitlines() if ": t" in line]
    wrong = [line for line in lines if "VERIFIED KERNEL_REPLAYED" not in line]
    assert (done.status, len(lines)) == (1, 16)
    assert [line.split(": ")[1:] for line in wrong] == [
        ["t2", "REJECTED NONE, listed"],
        ["t5", "REJECTED NONE, listed"],
    ]


async def test_who_uses_what_is_not_proved_is_told(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text(
        "theorem one : 1 = 2 := by\n  rfl\n\n"
        "example : 3 = 4 := rfl\n\n"
        "theorem two : 2 = 1 := one.symm\n\n"
        "theorem three : 3 = 3 := rfl\n"
    )
    done = await leansieve("check", path, "--server", served)
    assert done.status == 1
    assert "two: INCOMPLETE ELABORATED" in done.out
    assert "it depends on one, which is not proved" in done.out
    assert "three: VERIFIED" in done.out
    assert done.out.count("F.lean:1: one:") == 1


async def test_a_theorem_below_guarded_messages_is_checked(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text("def x := 1\n\n/-- -/\n#guard_msgs in\ntheorem guarded : 2 = 2 := rfl\n")
    done = await leansieve("check", path, "--server", served)
    assert (done.status, "guarded: VERIFIED" in done.out) == (0, True), done.out


async def test_an_axiom_that_a_failed_proof_rests_on_is_nobody_elses_proof(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text("theorem bad : 10 < 20 := by native_decide\n\ntheorem use : 10 < 20 := bad\n")
    done = await leansieve("check", path, "--server", served)
    assert "bad: AXIOM_NOT_ALLOWED" in done.out
    assert "use: INCOMPLETE" in done.out
    assert "it depends on bad, which is not proved" in done.out


async def test_an_unreadable_command_is_reported_once_and_hides_no_error_below_it(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text('theorem (x : 1 := sorry\ndef f : Nat := "hello"\ntheorem c : f = f := by sorry\n')
    done = await leansieve("prove", path, "--server", served, "--samples", "1")
    assert done.status == 1
    assert done.out.count("F.lean:1:7: ") == 1
    assert "F.lean:2:15: error: Type mismatch" in done.out
    assert "F.lean:3:21: it depends on f, which is not proved" in done.out
    assert "no proof" not in done.out, "nothing is searched for"


async def test_a_proof_that_rests_on_an_axiom_of_the_file_names_it(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text(
        "axiom given : ∀ n : Nat, n = n * n\n\ntheorem two : 2 = 2 * 2 * 1 := sorry\n\ntheorem three : 3 = 3 * 3 := sorry\n"
    )
    done = await leansieve("prove", path, "--server", served)
    assert "axioms given" in done.out
    assert "F.lean:3: warning: two depends on axioms other than Lean's own: `given`, declared in line 1" in done.out


async def test_an_axiom_that_a_command_of_the_file_adds_is_warned_of(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text(
        'macro "cheat" : command => do\n  let name := Lean.mkIdent (.mkSimple "bad")\n  `(axiom $name : False)\ncheat\n\n'
        "theorem one : 1 = 2 := bad.elim\n\ntheorem two : 1 = 1 := rfl\n"
    )
    done = await leansieve("check", path, "--server", served)
    assert "one: VERIFIED" in done.out
    assert done.out.count("warning") == 1
    assert "F.lean:6: warning: one depends on axioms other than Lean's own: `bad`, which no `axiom`" in done.out


async def test_nothing_of_a_file_is_passed_over(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text(
        "module\n\npublic import Std\n\npublic section\n\n"
        "theorem fine : 2 + 2 = 4 := rfl\n\n"
        "#eval 1 + 1\n\n"
        "theorem by_cases : (b : Bool) → (b || true) = true\n  | true => rfl\n  | false => rfl\n\n"
        "theorem fields : 1 = 1 ∧ 2 = 2 where\n  left := rfl\n  right := rfl\n\n"
        "def open_one : { n : Nat // 0 < n } := ⟨1, by sorry⟩\n\n"
        'def broken : Nat := "text"\n\n#guard 1 = 2\n\n'
        "theorem no_colon (n : Nat) n = n\n"
    )
    done = await leansieve("check", path, "--server", served)
    said = done.out.replace(f"{path}:", "")
    assert done.status == 1
    assert [name for name in ("fine", "by_cases", "fields") if f"{name}: VERIFIED KERNEL_REPLAYED" in said] == [
        "fine",
        "by_cases",
        "fields",
    ]
    assert "19:4: error: open_one is not proved" in said
    assert "21:20: error: Type mismatch" in said
    assert "not run, and so not checked: #eval (line 9), #guard (line 23)" in said
    assert "25:" in said
    assert "expected ':'" in said


@pytest.mark.parametrize("above", ["", "axiom fine : 1 = 1\n"], ids=["listed", "quarantine"])
async def test_a_comment_that_is_never_closed_is_told_where_it_opens_and_hides_nothing(
    served: str, tmp_path: Path, above: str
) -> None:
    path = tmp_path / "F.lean"
    path.write_text(f"theorem a : 1 = 1 := rfl\n{above}open Nope\n/- x\n")
    done = await leansieve("check", path, "--server", served)
    assert (done.status, "a: VERIFIED" in done.out) == (1, True), done.out
    assert f"F.lean:{path.read_text().count(chr(10))}:0: error: unterminated comment" in done.out
    assert "error: unknown namespace `Nope`" in done.out


async def test_a_definition_that_a_comment_cuts_off_is_told_once(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text("theorem a : 1 = 1 := rfl\ndef x :=\n/- x\n")
    done = await leansieve("check", path, "--server", served)
    assert (done.status, "a: VERIFIED" in done.out) == (1, True), done.out
    assert done.out.count("error:") == 1
    assert f"{path}:3:0: error: unterminated comment" in done.out


async def test_a_file_that_a_comment_swallows_is_not_taken(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text("import Std\n\n/- x\n\ntheorem a : 1 = 2 := rfl\n")
    done = await leansieve("check", path, "--server", served)
    assert (done.status, done.out) == (1, f"{path}:3:0: error: unterminated comment\n")


async def test_proofs_go_wherever_a_sorry_stands(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    text = (
        "def positive : { n : Nat // 0 < n } := ⟨1, by sorry⟩\n\n"
        "structure Even where\n  n : Nat\n  half : Nat\n  twice : n = 2 * half\n\n"
        "def four : Even where\n  n := 4\n  half := 2\n  twice := sorry\n\n"
        "theorem by_cases : (n : Nat) → 0 + n = n\n  | 0 => by admit\n  | n + 1 => sorry\n\n"
        "theorem remarks (n : Nat) : 0 + n = n := by\n  -- by induction\n  /- sorry -/ sorry -- later\n"
    )
    path.write_text(text)
    done = await leansieve("prove", path, "--write", "--server", served, "--seconds", "20")
    assert done.status == 0, done.out + done.err
    filled = path.read_text()
    assert "sorry" not in filled.replace("/- sorry -/", "")
    assert "-- by induction\n  /- sorry -/ " in filled
    assert filled.endswith(" -- later\n")
    checked = await leansieve("check", path, "--server", served)
    assert checked.status == 0, checked.out


async def test_an_example_below_a_longer_proof_is_still_the_same(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text(
        "def half (n : Nat) : Nat := n / 2\n\n"
        "theorem half_le (n : Nat) : half n ≤ n := by\n  sorry\n\n"
        "example : 1 + 1 = 2 := by\n  sorry\n"
    )
    done = await leansieve("prove", path, "--write", "--server", served)
    written = path.read_text()
    assert (done.status, "sorry" in written) == (0, False), done.err
    assert written.index("example") > len(
        "def half (n : Nat) : Nat := n / 2\n\ntheorem half_le (n : Nat) : half n ≤ n := by\n  sorry\n\n"
    )


async def test_what_is_no_proof_is_left_to_its_author(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    text = "def data : Nat := sorry\n\n#eval 1\n\ntheorem stopped : 1 = 2 := by\n  stop\n  rfl\n\ntheorem fine : 1 = 1 := sorry\n"
    path.write_text(text)
    done = await leansieve("prove", path, "--write", "--server", served, "--seconds", "10")
    assert done.status == 1
    assert "data is wanted at this place" in done.out
    assert "F.lean:1: data: INCOMPLETE" in done.out
    assert "F.lean: not run, and so not checked: #eval (line 3)" in done.out
    assert "`stop` leaves the rest of its proof" in done.out
    assert path.read_text() == text.replace(
        "1 = 1 := sorry", path.read_text()[path.read_text().index("1 = 1 :=") :].strip()
    )
    assert "fine : 1 = 1 := sorry" not in path.read_text()


async def test_a_theorem_is_checked_as_it_is_typed(served: str) -> None:
    good = await leansieve("check", "theorem t (a b : Nat) : a + b = b + a := by omega", "--server", served)
    assert (good.status, good.out) == (0, "typed:1: t: VERIFIED KERNEL_REPLAYED, listed\n")
    bad = await leansieve("check", "example : 1 = 2 := by rfl", "--server", served)
    assert bad.status == 1
    assert "typed:1:22: error:" in bad.out
    long = f"theorem t ({'a ' * 300}: Nat) : a = a := rfl"  # longer than a file's name may be
    assert (await leansieve("check", long, "--server", served)).status == 0
    bare = await leansieve("check", "theorem t (a b : Nat) : a + b = b + a", "--server", served)
    assert (bare.status, bare.out) == (2, "")
    assert "there is no theorem with a proof: write `theorem" in bare.err
    goal = await leansieve("check", "a + b = b + a", "--server", served)
    assert (goal.status, goal.out) == (2, "")
    assert "is neither a file nor a theorem with a proof" in goal.err


async def test_a_goal_alone_is_proved_or_told_what_it_lacks(served: str) -> None:
    good = await leansieve("prove", "∀ n : Nat, 0 + n = n", "--server", served, "--seconds", "20")
    assert good.status == 0, good.err
    bad = await leansieve("prove", "a + b = b + a", "--server", served, "--seconds", "20")
    assert bad.status == 2
    assert "at statement 1:0" in bad.err
    assert "declare each variable" in bad.err


async def test_every_file_of_a_folder_is_proved_and_odd_ones_are_told(served: str, tmp_path: Path) -> None:
    (tmp_path / "A.lean").write_text("theorem a (n : Nat) : n = n := by sorry\n")
    (tmp_path / "B.lean").write_text("theorem b : 1 = 1 := rfl\n")
    (tmp_path / "C.lean").write_text("")
    done = await leansieve("prove", tmp_path, "--server", served, "--seconds", "20")
    assert done.status == 1
    assert "A.lean:1: a: proved" in done.out
    assert "C.lean is empty" in done.err


CHALLENGE = """\
namespace Foo

def twice : Nat → Nat := sorry

theorem twice_two : twice 2 = 4 := by
  sorry

end Foo

theorem easy (n : Nat) : n + 0 = n := sorry
"""
TWICE = "def twice (n : Nat) : Nat := helper n + n\n\ntheorem twice_two : twice 2 = 4 := rfl"
SOLUTION = f"""\
namespace Foo

def helper (n : Nat) : Nat := n

{TWICE}

end Foo

theorem easy (n : Nat) : n + 0 = n := rfl
"""


@pytest.mark.parametrize(
    ("change", "expected", "status"),
    [
        (("", ""), ["VERIFIED", "VERIFIED", "VERIFIED"], 0),
        (("twice 2 = 4", "twice 2 = 2 + 2"), ["VERIFIED", "STATEMENT_CHANGED", "VERIFIED"], 1),
        ((TWICE, "def twice : Nat := 4\n\ntheorem twice_two : twice = 4 := rfl"), ["STATEMENT_CHANGED", "STATEMENT_CHANGED", "VERIFIED"], 1),
        (("n + 0 = n := rfl", "n + 0 = n := sorry"), ["VERIFIED", "VERIFIED", "INCOMPLETE"], 1),
        (("theorem easy", "theorem hard"), ["VERIFIED", "VERIFIED", "STATEMENT_CHANGED"], 1),
        (("namespace Foo", "axiom cheat : False\n\nnamespace Foo"), ["AXIOM_NOT_ALLOWED", "AXIOM_NOT_ALLOWED", "AXIOM_NOT_ALLOWED"], 1),
    ],
)  # fmt: skip
async def test_a_solution_is_checked_by_name(
    served: str, tmp_path: Path, change: tuple[str, str], expected: list[str], status: int
) -> None:
    challenge, solution, out = tmp_path / "Challenge.lean", tmp_path / "Solution.lean", tmp_path / "out.json"
    challenge.write_text(CHALLENGE)
    solution.write_text(SOLUTION.replace(*change, 1))
    done = await leansieve("check", "--against", challenge, solution, "--json", out, "--server", served)
    said = json.loads(out.read_text())
    assert [part["name"] for part in said["parts"]] == ["Foo.twice", "Foo.twice_two", "easy"]
    assert [part["verdict"] for part in said["parts"]] == expected, done.out
    assert (done.status, said["verified"]) == (status, status == 0)


async def test_only_what_is_named_of_a_challenge_is_checked(served: str, tmp_path: Path) -> None:
    challenge, solution = tmp_path / "Challenge.lean", tmp_path / "Solution.lean"
    challenge.write_text(CHALLENGE)
    solution.write_text(SOLUTION.replace("n + 0 = n := rfl", "n + 0 = n := sorry"))
    command = ("check", "--against", challenge, solution, "--server", served)
    done = await leansieve(*command, "--theorem", "Foo.twice_two")
    assert done.status == 0, done.out
    for wrong, words in [
        (("--theorem", "twice_two"), "no theorem 'twice_two'"),
        (("--definition", "Foo.thrice"), "no definition 'Foo.thrice'"),
        (("--axiom", "Lean.ofReduceBool"), "by a policy of the settings only"),
    ]:
        done = await leansieve(*command, *wrong)
        assert (done.status, words in done.err) == (2, True), done.err


async def test_what_a_challenge_leaves_open_without_a_name_is_not_passed_over(served: str, tmp_path: Path) -> None:
    challenge, solution = tmp_path / "Challenge.lean", tmp_path / "Solution.lean"
    challenge.write_text("theorem one : 1 = 1 := sorry\n\ninstance : Inhabited (Nat → Nat) := sorry\n")
    solution.write_text("theorem one : 1 = 1 := rfl\n")
    command = ("check", "--against", challenge, solution, "--server", served)
    done = await leansieve(*command)
    assert (done.status, "line 3" in done.err) == (2, True), done.err
    assert (await leansieve(*command, "--theorem", "one")).status == 0


async def test_a_definition_that_a_solution_lacks_is_told_once_at_its_end(served: str, tmp_path: Path) -> None:
    challenge, solution = tmp_path / "Challenge.lean", tmp_path / "Solution.lean"
    challenge.write_text("def answer : Nat := sorry\n")
    solution.write_text("theorem one : 1 = 1 := rfl\n\n-- the end\n")
    done = await leansieve("check", "--against", challenge, solution, "--server", served)
    assert (done.status, done.out.count("answer")) == (1, 2), done.out
    assert f"{solution}:3:0: error: the solution does not define `answer`" in done.out


async def test_a_receipt_becomes_a_challenge_and_its_solution(served: str, tmp_path: Path) -> None:
    source, receipts, project = tmp_path / "F.lean", tmp_path / "receipts", tmp_path / "project"
    source.write_text("open Nat\n\ntheorem easy (n : Nat) : n + 0 = n := by rfl\n")
    done = await leansieve("check", source, "--receipts", receipts, "--server", served)
    assert done.status == 0, done.out
    (receipt,) = receipts.iterdir()
    done = await leansieve("receipt", "export", receipt, "--out", project)
    assert done.status == 0, done.err
    written = json.loads((project / "config.json").read_text())
    assert written["theorem_names"] == ["easy"]
    assert {written["challenge_module"], written["solution_module"]} == {"Challenge", "Solution"}
    both = [project / f"{written[kind]}.lean" for kind in ("challenge_module", "solution_module")]
    done = await leansieve("check", "--against", *both, "--server", served)
    assert (done.status, "easy: VERIFIED" in done.out) == (0, True), done.out
    again = await leansieve("receipt", "export", receipt, "--out", project)
    assert (again.status, "is not empty" in again.err) == (2, True)


async def test_a_file_with_syntax_of_its_own_is_checked_filled_and_judged(served: str, tmp_path: Path) -> None:
    path = tmp_path / "F.lean"
    path.write_text(
        'notation "ℕ" => Nat\n\n#eval 1 + 1\n\nmacro "finish" : tactic => `(tactic| omega)\n\n'
        "theorem easy (n : ℕ) : 0 + n = n := by finish\n\n"
        "def positive : { n : ℕ // 0 < n } := ⟨1, by sorry⟩\n\n"
        "theorem still (n : ℕ) : n + 0 = n := by\n  sorry\n"
    )
    checked = await leansieve("check", path, "--server", served)
    assert checked.status == 1
    assert "easy: VERIFIED ISOLATED_REPLAY" in checked.out
    assert "9:4: error: positive is not proved" in checked.out
    assert "not allowed" not in checked.out
    done = await leansieve("prove", path, "--write", "--server", served, "--seconds", "30")
    assert done.status == 0, done.out + done.err
    assert "sorry" not in path.read_text()
    again = await leansieve("check", path, "--server", served)
    assert again.status == 0, again.out
