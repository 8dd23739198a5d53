"""Divisibility and remainders: existentials as remainders, divisibility witnesses, case splits by remainder."""

import itertools
import re
from collections.abc import Iterator

from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.names import names_of
from prover.search.tactics.goals.propositions import outermost
from prover.search.tactics.terms.polynomials import Polynomial, read_polynomial
from prover.search.tactics.terms.witnesses import bound
from prover.source.lexer import tokenize

_MODULUS = re.compile(r"(?:%|mod) (\d{1,2})\b|(?<![\w)] )\b(\d{1,2}) ∣")
_MOST_CASES = 36


def remainders(goal: Goal) -> Iterator[str]:
    """Rewrite each `∃ k, n = 2 * k + 1` to `n % 2 = 1`; one step."""
    space = "Int" if goal.of_type("Int", "ℤ") else "Nat"
    types = [each.type for each in goal.hypotheses if not re.match(r"∀.*↔", each.type)]  # as this step rewrites it
    found = dict.fromkeys(
        linear
        for text in (goal.target, *types)
        for existence in _existences(text)
        if (linear := _linear(existence)) is not None
    )
    e, m, k, h = names_of(goal, ["e", "m", "k", "h"])
    lines = []
    for number, (pattern, name, factor, rest) in enumerate(found):
        claim = f"(∃ {name}, {pattern.format(m)}) ↔ {m} % {factor} = {rest}"
        proof = f"⟨fun ⟨{k}, {h}⟩ => by omega, fun {h} => ⟨{m} / {factor}, by omega⟩⟩"
        lines.append(f"have {e}{number or ''} : ∀ {m} : {space}, {claim} := fun {m} => {proof}")
    if lines:
        names = ", ".join(f"{e}{number or ''}" for number in range(len(lines)))
        yield "\n".join([*lines, f"simp only [{names}] at *\n□"])


def divided(goal: Goal) -> Iterator[str]:
    """Take the witnesses of all divisibility hypotheses at once; one step."""
    facts = [each for each in goal.hypotheses if outermost(each.type)[0] == "∣"]
    variables = {each.name for each in goal.hypotheses}
    names = names_of(goal, ["c", "d", "e", "f"][: len(facts)])
    lines = []
    for each, name in zip(facts, names, strict=False):
        _, divisor, number = outermost(each.type)
        equation = "rfl" if number in variables and not re.search(rf"\b{re.escape(number)}\b", divisor) else f"h{name}"
        lines.append(f"obtain ⟨{name}, {equation}⟩ := {each.name}")
    if lines and any(not outermost(each.type)[1].isdecimal() for each in facts):
        yield "\n".join([*lines, "□"])


def differences(goal: Goal) -> Iterator[str]:
    """Tactics based on: a common divisor of two numbers divides their difference."""
    facts = [(each.name, *outermost(each.type)[:2]) for each in goal.hypotheses if outermost(each.type)[0] == "∣"]
    space = "Int" if goal.of_type("Int", "ℤ") else "Nat"
    for (one, _, a), (other, _, b) in itertools.permutations(facts[:4], 2):
        if a == b:
            yield f"have {goal.fresh('hd')} := {space}.dvd_sub {one} {other}\nsimp_all"


def by_remainder(goal: Goal) -> Iterator[str]:
    """Tactics that split on the remainders of the factors."""
    propositions = [goal.target, *(each.type for each in goal.hypotheses)]
    moduli = sorted({int(one or other) for text in propositions for one, other in _MODULUS.findall(text)} - {0, 1})
    products = sorted({pair for text in propositions for pair in _products(text)})[:3]
    factors = sorted({factor for pair in products for factor in pair})[:2]
    if not factors or not set(factors) <= set(goal.of_type("Nat", "Int", "ℕ", "ℤ")):
        return
    whole = bool(goal.of_type("Int", "ℤ"))
    space, mod = ("Int", "emod") if whole else ("Nat", "mod")
    rules = "Int.add_emod, Int.sub_emod, Int.mul_emod" if whole else "Nat.add_mod, Nat.mul_mod"
    of_products = [goal.fresh(f"hm{number or ''}") for number in range(len(products))]
    of_factors = [goal.fresh(f"hr{factor}") for factor in factors]
    for modulus in [each for each in moduli if each ** len(factors) <= _MOST_CASES][-2:]:
        multiplied = [
            f"have {name} := {space}.mul_{mod} {one} {other} {modulus}"
            for name, (one, other) in zip(of_products, products, strict=True)
        ]
        residues = [
            f"have {name} : {' ∨ '.join(f'{factor} % {modulus} = {residue}' for residue in range(modulus))} := by omega"
            for name, factor in zip(of_factors, factors, strict=True)
        ]
        split = " <;> ".join(f"rcases {name} with {' | '.join([name] * modulus)}" for name in of_factors)
        known = ", ".join(of_factors)
        yield "\n".join([*multiplied, *residues, f"{split} <;> simp [{known}] at {' '.join(of_products)} <;> omega"])
        divides = [f"apply {space}.dvd_of_{mod}_eq_zero"] if "∣" in goal.target else []
        yield "\n".join([*divides, *residues, f"{split} <;> simp [{rules}, {known}]"])


def _existences(text: str) -> Iterator[str]:
    """Yield each `∃ …` in a text, up to the end of the enclosing bracket."""
    tokens = list(tokenize(text))
    for index, token in enumerate(tokens):
        if token.text != "∃":
            continue
        depth, end = 0, len(text)
        for later in tokens[index:]:
            depth += (later.text in "([{⟨") - (later.text in ")]}⟩")
            if depth < 0:
                end = later.start
                break
        yield text[token.start : end].strip()


def _linear(existence: str) -> tuple[str, str, int, int] | None:
    """Split `∃ k, T = 2 * k + 1` into the equation with a hole for T, and k, 2, 1."""
    found = bound(existence)
    if found is None:
        return None
    name, body = found
    operator, left, right = outermost(body)
    if operator != "=":
        return None
    for one, other, pattern in ((left, right, "{{}} = {}"), (right, left, "{} = {{}}")):
        polynomial = read_polynomial(other)
        if polynomial is None or re.search(rf"\b{re.escape(name)}\b", one):
            continue
        factor, rest = polynomial.terms.get((name,), 0), polynomial.terms.get((), 0)
        if polynomial == Polynomial({key: count for key, count in (((name,), factor), ((), rest)) if count}) and (
            0 <= rest < factor
        ):
            return pattern.format(other), name, factor, rest
    return None


def _products(text: str) -> Iterator[tuple[str, str]]:
    """Return the pairs of variables that a text multiplies, including squares and expanded sums."""
    for side in re.split(r"[=<>≤≥≠∣%∧∨→↔]", text):
        polynomial = read_polynomial(side.strip())
        for monomial in polynomial.terms if polynomial is not None else ():
            if len(monomial) == 2:
                yield monomial[0], monomial[1]
