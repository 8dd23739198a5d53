"""Plans that enumerate the values of a bounded number, one case each."""

import itertools
from collections.abc import Iterator

from prover.sampling.plans.statement import Statement, names_in
from prover.search.tactics.goals.propositions import outermost
from prover.source.lexer import tokenize


def too_small(statement: Statement) -> Iterator[list[str]]:
    """`11 ≤ n`: no smaller number satisfies the hypotheses."""
    relation, left, right = outermost(statement.goal)
    if relation in ("≥", ">"):
        relation, left, right = {"≥": "≤", ">": "<"}[relation], right, left
    if relation not in ("≤", "<") or not left.isdigit() or right not in statement.of_type("Nat"):
        return
    least = int(left) + (relation == "<")
    if not 1 <= least <= 40 or not statement.hypotheses:
        return
    b = f"b{right}"
    cases = " ∨ ".join(f"{right} = {number}" for number in range(least))
    yield [
        "apply Classical.byContradiction",
        "intro hn",
        f"have {b} : {cases} := by omega",
        f"rcases {b} with {' | '.join([b] * least)} <;> subst {b} <;> simp_all",
    ]


def bounded(statement: Statement) -> Iterator[list[str]]:
    """Numbers between small bounds: one case each."""
    numerals = {
        int(t.text)
        for _, claim in statement.hypotheses
        for t in tokenize(claim)
        if t.kind == "number" and t.text.isdigit()
    }
    squares = any(
        f"{name}^2" in claim or f"{name} ^ 2" in claim or f"{name} * {name}" in claim
        for name in statement.of_type("Nat", "Int")
        for _, claim in statement.hypotheses
    )
    bounds = sorted(number for number in numerals if 1 <= number <= 24)[:4]
    if squares:
        bounds = sorted({*bounds, *(int(number**0.5) for number in numerals if 1 <= number <= 600)})[:5]
    names = [
        name for name in statement.of_type("Nat", "Int") if name in names_in(claim for _, claim in statement.hypotheses)
    ][:2]
    types = dict(statement.variables)
    for name, bound in itertools.product(names, reversed(bounds)):
        natural = types[name] == "Nat"
        lows = [0] if natural else [0, 1, -bound]
        b = f"b{name}"
        for low in lows:
            count = bound - low + 1
            cases = " ∨ ".join(f"{name} = {number}" for number in range(low, bound + 1))
            each = " | ".join([b] * count)
            last = f"rcases {b} with {each} <;> subst {b} <;> first | omega | simp_all | grind"
            yield [f"have {b} : {cases} := by omega", last]
            if squares:
                product = f"{types[name]}.mul_le_mul" if natural else "Int.mul_le_mul"
                if natural:
                    yield [
                        f"have {b} : {name} ≤ {bound} := by",
                        "  apply Classical.byContradiction",
                        "  intro hn",
                        f"  have := {product} (show {bound + 1} ≤ {name} by omega) (show {bound + 1} ≤ {name} by omega)",
                        "  grind",
                        f"have {b} : {cases} := by omega",
                        last,
                    ]
