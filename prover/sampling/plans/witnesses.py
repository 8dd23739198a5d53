"""Plans that compute values first: the function or the numbers of an existential statement, the roots of an equation."""

import itertools
import re
from collections.abc import Iterator

from prover.sampling.plans.arithmetic import UnknownError, holds
from prover.sampling.plans.statement import Statement, names_in
from prover.search.tactics.goals.propositions import outermost


def same_function(statement: Statement) -> Iterator[list[str]]:
    """`∃ f, ∀ n, a n = f n`."""
    match = re.match(r"∃ (\w+)( : [^,]+)?, (.*)$", statement.goal)
    if match is None:
        return
    functions = [name for name, type_ in statement.variables if "→" in type_]
    for name in functions:
        for arguments in ("_", "_ _"):
            yield [f"exact ⟨{name}, fun {arguments} => rfl⟩"]
    if outermost(match[3])[0] == "=":
        yield ["exact ⟨_, rfl⟩"]


def witnesses(statement: Statement) -> Iterator[list[str]]:
    """Find numbers that satisfy a closed existential statement, by trying."""
    match = re.match(r"∃ ([\w ]+?)(?: : (Nat|Int))?, (.*)$", statement.goal)
    if match is None or statement.hypotheses:
        return
    names, natural, body = match[1].split(), match[2] != "Int", match[3]
    if len(names) > 3 or names_in([body]) - set(names):
        return
    largest = (600, 26, 9)[len(names) - 1]
    numbers = list(range(largest)) if natural else sorted(range(-largest // 2, largest // 2), key=abs)
    try:
        found = [
            values
            for values in itertools.product(numbers, repeat=len(names))
            if holds(body, dict(zip(names, values, strict=True)), natural)
        ][:3]
    except UnknownError:
        return
    for values in found:
        shown = ", ".join(f"({number})" if number < 0 else str(number) for number in values)
        yield [f"exact ⟨{shown}, by decide⟩"]
        yield [f"refine ⟨{shown}, ?_⟩", "omega"]


def roots(statement: Statement) -> Iterator[list[str]]:
    """Solve a polynomial equation in one number or value by factoring."""
    term, roots = _roots_in_goal(statement)
    if not roots:
        term, roots = _roots_of_equation(statement)
    if not 1 <= len(roots) <= 3:
        return
    factors = [f"({term} - {f'({root})' if root < 0 else root})" for root in roots]
    key = statement.fresh("key")
    yield [
        f"have {key} : {' * '.join(factors)} = 0 := by grind",
        *_split_product(key, len(factors)),
    ]


def _split_product(key: str, count: int) -> list[str]:
    if count == 1:
        return ["omega"]
    if count == 2:
        return [f"rcases Int.mul_eq_zero.mp {key} with {key} | {key} <;> omega"]
    return [
        f"rcases Int.mul_eq_zero.mp {key} with {key} | {key}",
        f"· rcases Int.mul_eq_zero.mp {key} with {key} | {key} <;> omega",
        "· omega",
    ]


def _roots_in_goal(statement: Statement) -> tuple[str, list[int]]:
    """Read the roots from a goal such as `t = 4 ∨ t = -2`."""
    roots: list[int] = []
    terms: set[str] = set()
    rest = statement.goal
    while True:
        operator, left, right = outermost(rest)
        equation = left if operator == "∨" else rest
        relation, term, number = outermost(equation)
        if relation != "=" or not re.fullmatch(r"\(?-? ?\d+\)?", number):
            return "", []
        terms.add(term)
        roots.append(int(number.strip("()").replace(" ", "")))
        if operator != "∨":
            break
        rest = right
    types = dict(statement.variables)
    natural = any(types.get(name, "").endswith("Nat") for name in names_in(terms))
    return (terms.pop(), roots) if len(terms) == 1 and not natural else ("", [])


def _roots_of_equation(statement: Statement) -> tuple[str, list[int]]:
    """Find the integer roots of an equation in one variable."""
    for name in statement.of_type("Int"):
        for _, claim in statement.hypotheses:
            if outermost(claim)[0] == "=" and names_in([claim]) == {name} and "^" in claim + statement.goal:
                try:
                    roots = [number for number in range(-120, 121) if holds(claim, {name: number}, natural=False)]
                except UnknownError:
                    continue
                if roots:
                    return name, roots
    return "", []
