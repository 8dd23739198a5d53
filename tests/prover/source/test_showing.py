"""Commands that only show or test something, and the messages about them."""

from dataclasses import replace

import pytest

from prover.source import lean_file, showing
from prover.verdict import Message, Region

FILE = "import Std\n\n#eval 1\ntheorem t : 1 = 1 := rfl -- #check t\nexample : 1 = 1 := rfl\n#guard 1 = 2\n"


def test_they_are_named_with_their_lines_and_examples_are_none() -> None:
    found = showing.showing(lean_file.parse(FILE).commands)
    assert showing.named(found) == ["#eval (line 3)", "#guard (line 6)"]
    assert showing.not_run(found) == "not run, and so not checked: #eval (line 3), #guard (line 6)"
    assert showing.not_run(()) == ""
    assert [one.line for one in showing.left_out(found, 2)] == [2, 5]


def test_of_very_many_the_first_are_named() -> None:
    found = showing.showing(lean_file.parse("#eval 1\n" * 30).commands)
    assert showing.named(found)[-2:] == ["#eval (line 20)", "10 more"]
    assert showing.left_out(found, 1)[-1].text == "10 more such commands below are not run either"


def test_a_context_says_of_each_that_its_outcome_is_not_told() -> None:
    first, second = showing.remarks("def x := 1\n#eval x\n\n#guard x = 2\n")
    assert (first.severity, first.region, first.line, second.line) == ("information", Region.CONTEXT, 2, 4)
    assert "`#eval`" in first.text
    assert showing.remarks("def x := #[1] -- #eval x\n/-\n#eval x\n-/") == ()


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("'Nat.add_comm' depends on axioms: [Nat.add_comm]", True),
        ("'t' depends on axioms: [propext,\n Quot.sound,\n Int.emod_emod_of_dvd]", True),
        ("'t' depends on axioms: [propext,\n Classical.choice, Quot.sound]", False),
        ("'t' does not depend on any axioms", False),
        ("depends on axioms: [x]", False),
    ],
)
def test_theorems_that_are_listed_as_axioms_are_explained(text: str, wrong: bool) -> None:
    shown = Message("information", text, line=3)
    found = showing.on_axioms([Message("information", "7"), shown, shown])
    assert [one.line for one in found] == [3] * wrong
    assert all(one.text.startswith("the embedded Lean does not hold the proofs of library theorems") for one in found)
    assert showing.on_axioms([replace(shown, severity="error")]) == ()
