"""Single tactics that may close a goal."""

import re
from collections.abc import Iterator

from prover.search.diversity import normalise
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.propositions import outermost
from prover.search.tactics.lemmas import lemmas

PROBED = ("rfl", "assumption", "omega", "simp", "decide", "simp_all", "grind")
"""Tactics tried by `PROBE`, in order of readability."""

PROBE = "first | assumption | omega | (simp; done) | decide | grind | simp_all"
"""Closes almost every goal that a tactic of `AUTOMATION` closes; one request instead of many.

Never part of a seed proof.
"""

AUTOMATION = (
    "omega",
    "simp",
    "grind",
    "simp_all",
    "rfl",
    "decide",
    "assumption",
    "trivial",
    "contradiction",
    "ac_rfl",
    "simp +arith",
    "solve_by_elim",
    "nofun",
)
"""Tactics that need no argument."""

QUESTIONS = ("simp?", "simp_all?", "exact?", "grind?", "show_term simp")
"""Tactics that report a proof in another form: a `simp only` with its lemmas, or a term."""

_NUMERALS = ("0", "1", "2", "3")
_MOST_LEMMAS = 4


def particular(goal: Goal) -> Iterator[str]:
    """Tactics built for one goal, including term proofs."""
    operator, left, right = outermost(goal.target)
    yield from _from_hypotheses(goal, operator, left, right)
    match operator:
        case "∧":
            for tactic in ("omega", "simp_all", "grind"):
                yield f"exact ⟨by {tactic}, by {tactic}⟩"
        case "↔":
            for tactic in ("omega", "simp_all", "grind"):
                yield f"exact ⟨fun h => by {tactic}, fun h => by {tactic}⟩"
        case "∨":
            for tactic in ("omega", "simp_all"):
                yield f"exact Or.inl (by {tactic})"
                yield f"exact Or.inr (by {tactic})"
        case "∃":
            for witness in (*_NUMERALS, *goal.of_type("Nat", "Int", "ℕ", "ℤ")[:2]):
                yield f"exact ⟨{witness}, by simp⟩"
                yield f"exact ⟨{witness}, by omega⟩"
        case "≤" | "<" | "≥" | ">" if "*" in goal.target or "^" in goal.target:
            yield from _signs(goal)
    names = lemmas(goal)[:_MOST_LEMMAS]
    for name in names:
        yield f"exact {name} .."
        yield f"simp [{name}]"
        yield f"rw [{name}]"
    if names:
        yield f"simp [{', '.join(names)}]"
        yield f"grind [{', '.join(names)}]"


def _from_hypotheses(goal: Goal, operator: str, left: str, right: str) -> Iterator[str]:
    turned = operator if operator in ("=", "↔", "≠", "∧", "∨") else None
    for each in goal.hypotheses:
        head, one, other = outermost(each.type)
        if normalise(each.type) == normalise(goal.target):
            yield f"exact {each.name}"
        if turned and head == turned and (one, other) == (right, left):
            yield f"exact {each.name}.symm"
        if head == "∧" and goal.target in (one, other):
            yield f"exact {each.name}.{1 if goal.target == one else 2}"
        if operator == "∧" and head == "∧" and (one, other) == (right, left):
            yield f"exact ⟨{each.name}.2, {each.name}.1⟩"
        if head == "→" and other == goal.target:
            yield f"exact {each.name} (by assumption)"
        if head == "¬":
            yield f"exact absurd (by assumption) {each.name}"
    facts = [each.name for each in goal.hypotheses if outermost(each.type)[0]]
    if facts:
        yield f"simp [{', '.join(facts[:3])}]"
        yield f"simp only [{', '.join(facts[:3])}]"


def _signs(goal: Goal) -> Iterator[str]:
    """Inequalities between products, from the squares of variables and of their differences being nonnegative."""
    variables = goal.of_type("Int", "ℤ")[:3]
    terms = variables + [f"({a} - {b})" for index, a in enumerate(variables) for b in variables[index + 1 :]]
    for term in terms:
        yield f"grind [Lean.Grind.OrderedRing.sq_nonneg (a := {term})]"
    for one, other in zip(goal.of_type("Nat", "ℕ"), goal.of_type("Nat", "ℕ")[1:], strict=False):
        yield f"grind [Nat.le_total {one} {other}, Nat.mul_le_mul]"
    if re.search(r"\^", goal.target):
        yield "grind [Nat.pow_le_pow_left, Nat.pow_le_pow_right]"
