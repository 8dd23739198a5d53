"""Combines two theorems: as a conjunction, as a sum, or one stated of a value that the other, an equation, rewrites."""

from collections.abc import Mapping
from random import Random

from prover.sampling.plans.statement import Statement, bracketed, names_in, replaced
from prover.search.tactics.goals.propositions import outermost
from training.conjectures.mutations import Conjecture, KnownTheorem, Mutation, below, block, loose
from training.conjectures.sources.typing import type_of

_MOST_VARIABLES = 6
_MULTIPLIED = 0.4
"""Share of pairs of equations that are multiplied."""
_SUMS = ("<", "≤", "=")
"""Relations that can be added up, the strictest first."""
_SUM_LEMMAS = {
    ("≤", "≤"): "add_le_add",
    ("<", "<"): "add_lt_add",
    ("<", "≤"): "add_lt_add_of_lt_of_le",
    ("≤", "<"): "add_lt_add_of_le_of_lt",
}


def conjoin(known: KnownTheorem, other: KnownTheorem, random: Random) -> Conjecture | None:
    """Combine two theorems in a conjunction."""
    if len(known.statement.variables) + len(other.statement.variables) > 7:
        return None
    parted = _apart(known.statement, other.statement)
    if parted is None:
        return None
    second, names = parted
    sign = random.choice(["∧", "∧", "∨"])
    statement = Statement(
        (*known.statement.variables, *second.variables),
        (*known.statement.hypotheses, *second.hypotheses),
        f"{loose(known.statement.goal)} {sign} {loose(second.goal)}",
    )
    first = [block(proof) for proof in known.proofs]
    last = [block(replaced(proof, names)) for proof in other.proofs]
    proofs = []
    for one, two in zip(first, last, strict=False):
        if one is None or two is None:
            continue
        if sign == "∧":
            proofs.append(f"by\n  constructor\n  · {below(one, 4)}\n  · {below(two, 4)}")
            if "\n" not in one + two:
                proofs.append(f"by\n  exact ⟨by {one}, by {two}⟩")
        else:
            proofs += [f"by\n  left\n  {below(one, 2)}", f"by\n  right\n  {below(two, 2)}"]
    return Conjecture(statement, tuple(proofs)) if proofs else None


def compose(known: KnownTheorem, other: KnownTheorem, random: Random) -> Conjecture | None:
    """Put the two sides of the second theorem, an equation, for a variable of the first: one side on the left of its
    goal, the other on the right.
    """
    second = _apart(known.statement, other.statement)
    if second is None or len(known.statement.variables) + len(second[0].variables) > _MOST_VARIABLES:
        return None
    equation, names = second
    sign, left, right = outermost(equation.goal)
    relation, one, two = outermost(known.statement.goal)
    if sign != "=" or not left or relation not in ("=", "≤", "<", "≥", ">", "↔", "∣"):
        return None
    shared = set(names_in([one])) & set(names_in([two]))
    constrained = names_in(says for _, says in known.statement.hypotheses)
    free = [name for name, type_ in known.statement.variables if name in shared - constrained and "→" not in type_]
    if not free:
        return None
    name = random.choice(free)
    types = dict(equation.variables)
    if (type_of(left, types) or type_of(right, types)) != dict(known.statement.variables)[name]:
        return None
    values = random.choice([(left, right), (right, left)])
    goal = f"{replaced(one, {name: bracketed(values[0])})} {relation} {replaced(two, {name: bracketed(values[1])})}"
    variables = tuple(each for each in known.statement.variables if each[0] != name)
    statement = Statement((*variables, *equation.variables), (*known.statement.hypotheses, *equation.hypotheses), goal)
    return Conjecture(statement, tuple(_proofs(known, other, equation, names)), inhabited=not equation.hypotheses)


def add_up(known: KnownTheorem, other: KnownTheorem, random: Random) -> Conjecture | None:
    """Add two equations or inequalities of numbers of one kind, or multiply two equations."""
    second = _apart(known.statement, other.statement)
    if second is None or len(known.statement.variables) + len(second[0].variables) > _MOST_VARIABLES:
        return None
    added, names = second
    relations = [outermost(each.goal) for each in (known.statement, added)]
    if not all(left and sign in _SUMS for sign, left, _ in relations):
        return None
    kinds = {
        type_of(left, dict(each.variables)) or type_of(right, dict(each.variables))
        for (_, left, right), each in zip(relations, (known.statement, added), strict=True)
    }
    if len(kinds) != 1 or not kinds <= {"Nat", "Int"}:
        return None
    signs = (relations[0][0], relations[1][0])
    sign = next(each for each in _SUMS if each in signs)
    by = "*" if sign == "=" and random.random() < _MULTIPLIED else "+"
    sides = [f"{bracketed(relations[0][place])} {by} {bracketed(relations[1][place])}" for place in (1, 2)]
    statement = Statement(
        (*known.statement.variables, *added.variables),
        (*known.statement.hypotheses, *added.hypotheses),
        f"{sides[0]} {sign} {sides[1]}",
    )
    lemma = _SUM_LEMMAS.get(signs, "")
    proofs = []
    for one, two in zip(known.proofs, other.proofs, strict=False):
        first, last = block(one), block(replaced(two, names))
        if first is None or last is None:
            continue
        facts = f"by\n  have one : {known.statement.goal} := by\n    {below(first, 4)}\n"
        facts += f"  have two : {added.goal} := by\n    {below(last, 4)}\n"
        proofs += [f"{facts}  {end}" for end in (["rw [one, two]"] if sign == "=" else ["omega"])]
        if lemma and by == "+" and "\n" not in first + last:
            proofs.append(f"by\n  exact {min(kinds)}.{lemma} (by {first}) (by {last})")
    return Conjecture(statement, tuple(proofs)) if proofs else None


def _apart(known: Statement, other: Statement) -> tuple[Statement, dict[str, str]] | None:
    """Return the second statement with names distinct from the first, and the renaming."""
    used = names_in(known.texts) | {name for name, _ in (*known.variables, *known.hypotheses)}
    named = [name for name, _ in (*other.variables, *other.hypotheses)]
    names = {name: known.fresh(name + "₂") for name in named if name in used}
    if any(name + "₂" in names_in(other.texts) for name in names):
        return None
    return other.replaced(names), names


def _proofs(known: KnownTheorem, other: KnownTheorem, equation: Statement, names: dict[str, str]) -> list[str]:
    """Yield proofs that rewrite with the equation and then prove the first theorem; lemma lists are merged."""
    firsts = [text for text in map(block, known.proofs) if text]
    seconds = [replaced(text, names) for text in map(block, other.proofs) if text]
    proofs = []
    lemmas = [_lemma(text) for text in (firsts[0], seconds[0])] if firsts and seconds else ["", ""]
    if all(lemmas):
        joined = ", ".join(dict.fromkeys(lemmas))
        proofs += [
            f"by\n  simp [{joined}]",
            f"by\n  grind [{joined}]",
            f"by\n  rw [{lemmas[1]}]\n  exact {lemmas[0]} ..",
        ]
        proofs += [f"by\n  rw [{lemmas[1]}, {lemmas[0]}]", f"by\n  simp only [{joined}]"]
    for first, second in zip(firsts, seconds, strict=False):
        stated = f"by\n  have key : {equation.goal} := by\n    {below(second, 4)}\n  "
        proofs.append(f"{stated}rw [key]\n  {below(first, 2)}")
        if not all(lemmas):
            proofs += [f"{stated}simp_all", f"{stated}grind"]
    return proofs


def _lemma(text: str) -> str:
    """Return the library theorem that a one-line proof applies; empty for other proofs."""
    words = text.split()
    return words[1] if len(words) == 3 and words[0] == "exact" and words[2] == ".." else ""


PAIRS: Mapping[str, Mutation] = {mutation.__name__: mutation for mutation in (conjoin, compose, add_up)}
