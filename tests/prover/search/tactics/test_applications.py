"""Hypotheses applied to each other if their texts match."""

from prover.search.tactics.goals.goal import Goal, read_goal
from prover.search.tactics.terms.applications import applied, witnessed

COMPOSED = (
    "α β γ : Type\nf : α → β\ng : β → γ\nx y : α\nhf : ∀ (x y : α), f x = f y → x = y\n"
    "hg : ∀ (x y : β), g x = g y → x = y\nh : g (f x) = g (f y)\n⊢ "
)


def first(goal: Goal) -> str | None:
    return next(applied(goal, goal.target), None)


def test_a_hypothesis_is_applied_to_variables_and_to_other_hypotheses() -> None:
    assert first(read_goal(COMPOSED + "f x = f y")) == "hg (f x) (f y) h"
    assert first(read_goal(COMPOSED + "x = y")) == "hf x y (hg (f x) (f y) h)"
    assert first(read_goal("p q : Prop\nh : p → q\nhp : p\n⊢ q")) == "h hp"


def test_what_does_not_fit_is_not_applied() -> None:
    assert first(read_goal("p q : Prop\nh : p → q\n⊢ q")) is None
    assert first(read_goal("α : Type\nr : α → α → Prop\nh : ∀ (x : α), r x x\na b : α\n⊢ r a b")) is None
    assert first(read_goal("α : Type\np : α → Prop\nh : ∀ (x y : α), p x\na : α\n⊢ p a")) is None  # for which y?


def test_a_witness_comes_with_the_proof_of_what_is_said_of_it() -> None:
    goal = read_goal("α : Type\nR : α → α → Prop\nx y : α\nhx : ∀ (y : α), R x y\n⊢ ∃ z, R z y")
    assert list(witnessed(goal)) == ["⟨x, hx y⟩"]
