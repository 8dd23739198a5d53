"""The inductions tried, and the tactics for their cases."""

from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.goals.known import ContextDeclarations, known_of
from prover.search.tactics.moves.inductions import functional, rule_applications, waterfall
from prover.source.context.declarations import scanned
from prover.theorem import Theorem
from tests.support.definitions import EVEN, LISTS


def known(context: str) -> ContextDeclarations:
    theorem = Theorem("theorem t : True", context=context)
    return known_of(theorem, scanned(theorem))


def proposed(text: str, context: str = LISTS) -> list[str]:
    return [step for step, _ in waterfall(read_goal(text), known(context))]


def test_the_hypothesis_of_an_induction_is_used_then_on_one_side_alone() -> None:
    goal = "xs : List Nat\nx : Nat\nih : turn (turn xs) = xs\n⊢ turn (put x (turn xs)) = x :: xs"
    assert proposed(goal)[:2] == ["simp only [put, turn, ih]\n□", "conv => rhs; rw [← ih]\n□"]


def test_what_both_sides_share_becomes_a_variable() -> None:
    goal = "xs : List Nat\nx : Nat\n⊢ turn (put x (turn xs)) = x :: turn (turn xs)"
    assert "generalize turn xs = a\n□" in proposed(goal)
    assert "generalize t.left.turned = a\n□" in proposed("t : Tree\n⊢ t.left.turned ++ [] = t.left.turned")
    assert not any("generalize" in step for step in proposed("xs : List Nat\n⊢ turn (turn xs) = xs"))


def test_a_recursion_that_starts_with_nothing_is_made_one_that_starts_anywhere() -> None:
    step = "suffices key : ∀ a, sumFrom xs a = a + xs.sum by simpa using key 0\n□"
    assert step in proposed("xs : List Nat\n⊢ sumFrom xs 0 = xs.sum")


def test_what_a_recursion_changes_is_left_general() -> None:
    steps = proposed("xs : List Nat\na : Nat\n⊢ sumFrom xs a = a + xs.sum")
    inductions = [step.split("\n")[0] for step in steps if step.startswith("induction xs")]
    assert inductions == ["induction xs generalizing a with", "induction xs with"]


def test_recursion_is_followed_where_a_function_is_called_with_variables() -> None:
    goal = read_goal("xs : List Nat\na : Nat\n⊢ sumFrom xs a = a + sumFrom xs 0")
    assert {each.split(" <;> ")[0] for each in functional(goal, known(LISTS))} == {"fun_induction sumFrom xs a"}


def test_rules_of_a_predicate_are_applied_to_what_is_known_of_it() -> None:
    goal = read_goal("m k : Nat\nih : Even (k + m)\n⊢ Even (k + 2 + m)")
    applied = list(rule_applications(goal, known(EVEN)))
    assert "exact Even.step _ ih" in applied
    assert any(each.startswith("simpa +arith") and each.endswith("using Even.step _ ih") for each in applied)
