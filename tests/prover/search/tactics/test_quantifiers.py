"""Ideas about quantifiers, read off a goal's text."""

from prover.search.tactics.goals.facts import facts_of
from prover.search.tactics.goals.goal import read_goal
from prover.search.tactics.goals.known import ContextDeclarations
from prover.search.tactics.moves.invertible import invertible
from prover.search.tactics.moves.quantifiers import cases, chosen, diagonal


def first_lines(text: str) -> list[str]:
    goal = read_goal(text)
    return [each.split("\n")[0] for each in cases(goal, facts_of(goal))]


def test_what_is_quantified_within_the_target_is_so_or_not() -> None:
    assert first_lines("α : Type\np : α → Prop\n⊢ ∃ x, p x → ∀ y, p y") == ["by_cases h : ∀ y, p y"]
    assert first_lines("α : Type\nr : α → α → Prop\n⊢ ∃ x, ∀ y, r x y") == []  # it is about x


def test_the_premise_of_an_assumption_is_so_or_not() -> None:
    goal = "α : Type\np : α → Prop\nq : α → Prop\na : α\nh : q a → ∃ x, p x\n⊢ ∃ x, q a → p x"
    assert first_lines(goal) == ["by_cases h1 : q a"]


def test_functions_are_chosen_and_meet_their_own_denial() -> None:
    total = read_goal("α β : Type\nR : α → β → Prop\nh : ∀ (x : α), ∃ y, R x y\n⊢ ∃ f, ∀ (x : α), R x (f x)")
    assert list(chosen(total)) == ["exact Classical.axiomOfChoice h"]
    onto = read_goal("α : Type\nf : α → α → Prop\nh : ∀ (s : α → Prop), ∃ a, f a = s\n⊢ False")
    assert next(diagonal(onto)).startswith("obtain ⟨w, hw⟩ := h fun x => ¬f x x\n")


def test_denials_are_pushed_inwards() -> None:
    goal = read_goal("α : Type\np : α → Prop\nh : ¬∀ (x : α), p x\n⊢ False")
    assert next(invertible(goal, ContextDeclarations())).endswith("at h\n□")
    assert list(invertible(read_goal("p q : Prop\nh : ¬p\n⊢ q"), ContextDeclarations())) == []
