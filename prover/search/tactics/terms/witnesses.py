"""Candidate witnesses of an existential: solutions of its equation, terms in hypotheses, small numbers."""

import re
from collections.abc import Iterator, Sequence

from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.propositions import outermost
from prover.search.tactics.terms.polynomials import Polynomial, constant, read_polynomial

_BOUND = re.compile(r"(?:\(?(\w[\w'!?]*)(?: : [^,()]+)?\)?|(\w[\w'!?]*) : ([^,]+)), (.*)", re.DOTALL)
_NUMBERS = frozenset({"Nat", "Int", "ℕ", "ℤ"})
_MOST_APPLICATIONS = 6


def bound(target: str) -> tuple[str, str] | None:
    """Return name and body of `∃ x, body`."""
    operator, _, rest = outermost(target)
    if operator != "∃" or (match := _BOUND.fullmatch(rest)) is None:
        return None
    return match[1] or match[2], match[4]


def solutions(goal: Goal) -> Iterator[tuple[str, bool]]:
    """Return witnesses that solve an equation of the goal, and whether it was solved without division."""
    target = goal.target
    if outermost(target)[0] == "∣":
        _, divisor, number = outermost(target)
        name, body = "_w", f"{number} = {_bracketed(divisor)} * _w"
    elif (found := bound(target)) is not None:
        name, body = found
    else:
        return
    values = equations(goal)
    for part in conjuncts(body):
        operator, left, right = outermost(part)
        sides = [read_polynomial(side) for side in (left, right)] if operator == "=" else [None]
        if None in sides or name not in part:
            continue
        difference = sides[0] + sides[1].times(-1)  # type: ignore[operator, union-attr]
        for polynomial in (difference.substituted(values), difference):
            yield from _solved(polynomial, name)


def _solved(polynomial: Polynomial, name: str) -> Iterator[tuple[str, bool]]:
    """Solve for a name that occurs in exactly one monomial."""
    with_it = [monomial for monomial in polynomial.terms if name in monomial]
    if len(with_it) != 1 or with_it[0].count(name) != 1:
        return
    factor = polynomial.terms[with_it[0]]
    cofactor = tuple(each for each in with_it[0] if each != name)
    rest = Polynomial({each: count for each, count in polynomial.terms.items() if each != with_it[0]}).times(-1)
    if factor < 0:
        factor, rest = -factor, rest.times(-1)
    if (quotient := rest.divided(cofactor, factor)) is not None:
        yield str(quotient), True
    elif not cofactor:
        # Rounded down; arithmetic must then show that the remainder is zero.
        whole = rest + constant(-rest.terms.get((), 0))
        yield f"({whole}) / {factor}" if len(whole.terms) > 1 else f"{whole} / {factor}", False


def equations(goal: Goal) -> dict[str, Polynomial]:
    """Return variables that hypotheses equate with polynomials in other variables."""
    variables = {each.name for each in goal.hypotheses}
    values: dict[str, Polynomial] = {}
    for each in goal.hypotheses:
        operator, left, right = outermost(each.type)
        if operator != "=":
            continue
        for one, other in ((left, right), (right, left)):
            if one in variables and one not in values and (value := read_polynomial(other)) is not None:
                value = value.substituted(values)
                if not any(one in monomial for monomial in value.terms):
                    values = {name: old.substituted({one: value}) for name, old in values.items()} | {one: value}
                    break
    return values


def terms(goal: Goal) -> Iterator[str]:
    """Return small terms of any type, those of the latest variables first."""
    variables = [
        each for each in goal.hypotheses if outermost(each.type)[0] == "" and each.type not in ("Type", "Prop")
    ]
    plain = [each.name for each in variables if not each.type.startswith(("Type", "Sort"))]
    functions = [each.name for each in goal.hypotheses if outermost(each.type)[0] == "→" and "Prop" not in each.type]
    numbers = [each.name for each in variables if each.type in _NUMBERS]
    yield from reversed(plain)
    applications = [f"{function} {argument}" for function in functions for argument in reversed(plain)]
    yield from (f"({each})" for each in applications[:_MOST_APPLICATIONS])
    if numbers or not plain:
        yield from ("0", "1", "2")
    for name in numbers[:2]:
        yield from (f"({name} + 1)", f"(2 * {name})", f"(2 * {name} + 1)", f"(2 * {name} + 2)")


def conjuncts(proposition: str) -> Iterator[str]:
    """Return the parts of `A ∧ B ∧ …`."""
    operator, left, right = outermost(proposition)
    if operator == "∧":
        yield from conjuncts(left)
        yield from conjuncts(right)
    else:
        yield proposition


def closing(goal: Goal, automation: Sequence[str] = ("omega", "grind")) -> Iterator[str]:
    """Return tactics that give a witness and leave the rest to automation."""
    divides = outermost(goal.target)[0] == "∣"
    seen: set[str] = set()
    for witness, exact in solutions(goal):
        if witness not in seen:
            seen.add(witness)
            # `omega` cannot handle products, `grind` cannot handle rounding.
            for tactic in automation if exact else automation[:1]:
                yield (
                    f"exact Dvd.intro {_bracketed(witness)} (by {tactic})"
                    if divides
                    else f"exact ⟨{witness}, by {tactic}⟩"
                )


def _bracketed(text: str) -> str:
    return f"({text})" if " " in text and not (text.startswith("(") and text.endswith(")")) else text
