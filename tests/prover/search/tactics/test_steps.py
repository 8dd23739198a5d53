"""Goals are read, steps proposed for them, and put together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.goals.propositions import outermost
from prover.search.tactics.moves.steps import fill, holes, steps
from prover.source.binders import Binder

GOAL = """case succ
n m✝ : Nat
k : Nat := 3
h : n = 2 ∨
    n = 3
f : Nat → Nat
⊢ n * 2 = 4 ∧
    True"""


def test_a_goal_is_read_with_continued_lines_and_without_names_that_cannot_be_written() -> None:
    goal = read_goal(GOAL)
    assert goal.hypotheses == (
        Binder("n", "Nat"),
        Binder("k", "Nat"),
        Binder("h", "n = 2 ∨ n = 3"),
        Binder("f", "Nat → Nat"),
    )
    assert goal.target == "n * 2 = 4 ∧ True"
    assert goal.of_type("Nat") == ["n", "k"]
    assert not goal.text.startswith("case")
    assert [goal.fresh("h"), goal.fresh("x")] == ["h1", "x"]


@pytest.mark.parametrize(
    ("proposition", "parts"),
    [
        ("a = b ∧ c", ("∧", "a = b", "c")),
        ("(a ∧ b) → c ∨ d", ("→", "(a ∧ b)", "c ∨ d")),
        ("¬p ∧ q", ("∧", "¬p", "q")),
        ("¬(p ∧ q)", ("¬", "", "(p ∧ q)")),
        ("p ∧ ∀ x, x → q", ("∧", "p", "∀ x, x → q")),
        ("∃ x, x = 1 ∧ p", ("∃", "", "x, x = 1 ∧ p")),
        ("f (a = b)", ("", "", "f (a = b)")),
        ("", ("", "", "")),
    ],
)
def test_the_loosest_operator_is_found(proposition: str, parts: tuple[str, str, str]) -> None:
    assert outermost(proposition) == parts


def test_blocks_are_indented_where_they_stand() -> None:
    inner = fill("constructor\n· □\n· □", ["omega", "intro h\nexact h"])
    assert inner == "constructor\n· omega\n· intro h\n  exact h"
    step = "induction n with\n| zero =>\n  □\n| succ n ih =>\n  □"
    assert fill(step, ["simp", inner]) == (
        "induction n with\n| zero =>\n  simp\n| succ n ih =>\n  constructor\n  · omega\n  · intro h\n    exact h"
    )


def test_a_goal_gets_steps_of_every_kind() -> None:
    text = "\n".join(steps(read_goal(GOAL), ["double"]))
    for step in (
        "rcases h with h | h",
        "constructor",
        "have left : n * 2 = 4 := by",
        "induction n with",
        "simp only [double]",
    ):
        assert step in text
    assert "m✝" not in text
    assert "intro a" in next(steps(read_goal("⊢ ∀ (a : Nat), a = 0 → a < 1")))
    assert "subst h" in "\n".join(steps(read_goal("x : Nat\nh : x = 2\n⊢ x * x = 4")))


@given(st.text("⊢:∧∨→¬∀∃↔=≤∣ nhx✝()□·\n,2", max_size=40))
def test_any_goal_has_steps_whose_holes_can_be_filled(text: str) -> None:
    for step in steps(read_goal(text)):
        filled = fill(step, ["sorry"] * holes(step))
        if "□" not in text:
            assert holes(step) > 0
            assert "□" not in filled
