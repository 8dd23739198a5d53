"""Plans by induction: on an exponent, or from the least number that a hypothesis allows."""

import re
from collections.abc import Iterator

from prover.sampling.plans.statement import Statement, names_in, replaced
from prover.search.tactics.goals.propositions import outermost

_POWERS = "Nat.mul_add, Nat.add_mul, Nat.pow_add, Nat.pow_mul, Nat.pow_succ"


def powers(statement: Statement) -> Iterator[list[str]]:
    """Prove divisibility of powers by induction on an exponent."""
    goal = statement.goal
    exponents = [name for name in statement.of_type("Nat") if re.search(rf"\^ ?\(?[^)=∣]*\b{name}\b", goal)]
    if outermost(goal)[0] not in ("∣", "=") or not exponents:
        return
    for name in exponents[:2]:
        head = [f"induction {name} with", "| zero => simp", f"| succ {name} ih =>"]
        yield [*head, f"  simp only [{_POWERS}] at *", "  omega"]
        yield [*head, "  simp only [Nat.pow_succ] at *", "  omega"]
        yield [*head, "  simp only [Int.pow_succ] at *", "  omega"]
        yield [*head, "  rw [Nat.mul_add, Nat.pow_add]", "  omega"]
        if match := re.search(r"(\d+) ?\^ ?(\w+) - (\d+) ?\^ ?(\w+)", goal):
            larger, smaller = match[1], match[3]
            key, general = statement.fresh("key"), replaced(goal, {name: "k"})
            yield [
                f"have {key} : ∀ k, {smaller} ^ k ≤ {larger} ^ k ∧ {general} := by",
                "  intro k",
                "  induction k with",
                "  | zero => simp",
                "  | succ k ih =>",
                "    simp only [Nat.pow_succ]",
                "    omega",
                f"exact ({key} {name}).2",
            ]


def from_a_base(statement: Statement) -> Iterator[list[str]]:
    """Induction that starts at the least number a hypothesis allows."""
    for name, claim in statement.hypotheses:
        relation, left, right = outermost(claim)
        if relation in ("≥", ">"):
            relation, left, right = {"≥": "≤", ">": "<"}[relation], right, left
        if relation not in ("≤", "<") or not left.isdigit() or right not in statement.of_type("Nat"):
            continue
        others = [text for other, text in statement.hypotheses if other != name]
        if right in names_in(others):
            continue
        base = int(left) + (relation == "<")
        k = statement.fresh("k") if right != "k" else statement.fresh("j")
        for last in (["grind"], ["simp only [Nat.pow_succ] at *", "omega"]):
            yield [
                f"obtain ⟨{k}, rfl⟩ : ∃ {k}, {right} = {k} + {base} := ⟨{right} - {base}, by omega⟩",
                f"clear {name}",
                f"induction {k} with",
                "| zero => decide",
                f"| succ {k} ih =>",
                *(f"  {line}" for line in last),
            ]
