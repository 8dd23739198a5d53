"""Puts values in the place of variables: terms, numerals, and what is asked to exist."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

from prover.sampling.plans.statement import bracketed, names_in, replaced
from training.conjectures.mutations import (
    NUMBERS,
    Conjecture,
    KnownTheorem,
    Mutation,
    below,
    block,
    mention,
    with_texts,
)

_WITNESSES = {
    "Nat": ("0", "1", "2"),
    "Int": ("0", "1", "-1"),
    "Bool": ("true", "false"),
    "List Nat": ("[]", "[1]"),
    "Option Nat": ("none", "some 1"),
}
"""Values to try for what exists, by type."""


def specialise(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Substitute a term for a number, Boolean, list or option."""
    values = known.statement.of_type(*NUMBERS, "Bool", "List Nat", "List Int", "Option Nat")
    if not values:
        return None
    name = random.choice(values)
    type_ = dict(known.statement.variables)[name]
    others = [other for other in known.statement.of_type(type_) if other != name]
    term = random.choice(_terms(name, type_, others, random))
    texts = [replaced(says, {name: term}) for says in known.statement.texts]
    changed = with_texts(known.statement, texts)
    return Conjecture(changed, known.proofs, inhabited=not mention(known.statement, name))


def _terms(name: str, type_: str, others: Sequence[str], random: Random) -> list[str]:
    """Return terms of a type that mention a variable."""
    number = random.randint(1, 12)
    other = random.choice(others) if others else ""
    match type_.partition(" ")[0]:
        case "Bool":
            return [f"(!{name})", *([f"({name} && {other})", f"({name} || {other})"] if others else [])]
        case "List":
            terms = [f"({number} :: {name})", f"({name}.reverse)", f"({name} ++ [{number}])", f"({name}.take {number})"]
            return terms + ([f"({name} ++ {other})"] * 2 if others else [])
        case "Option":
            return [f"({name}.map (fun x => x + {number}))", f"({name}.or (some {number}))"]
    terms = [f"({name} + {number})", f"({number + 1} * {name})", f"({name} ^ 2)", f"({name} + {name})"]
    terms += [f"({name} {sign} {other})" for sign in "+*" if others]
    return terms + ([f"({name} - {number})", f"(-{name})"] if type_ == "Int" else [])


def instantiate(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Substitute a numeral for a number."""
    numbers = known.statement.of_type(*NUMBERS)
    if len(known.statement.variables) < 2 or not numbers:
        return None
    name = random.choice(numbers)
    statement = known.statement.replaced(
        {
            name: f"({random.choice([0, 1, 2, 3, 5, 10, random.randint(4, 60)])} : {dict(known.statement.variables)[name]})"
        }
    )
    proofs = tuple(proof for proof in known.proofs if name not in names_in([proof]))
    return Conjecture(statement, proofs, inhabited=not mention(known.statement, name))


def exists(known: KnownTheorem, _other: KnownTheorem, random: Random) -> Conjecture | None:
    """Ask for the existence of a value with the theorem's property."""
    free = [name for name in known.statement.of_type(*_WITNESSES) if not mention(known.statement, name)]
    if not free:
        return None
    name = random.choice(free)
    type_ = dict(known.statement.variables)[name]
    others = [other for other in known.statement.of_type(type_) if other != name]
    rest_of = tuple(each for each in known.statement.variables if each[0] != name)
    statement = replace(known.statement, variables=rest_of, goal=f"∃ {name} : {type_}, {known.statement.goal}")
    successors = [f"{other} + 1" for other in others] if type_ in NUMBERS else []
    witness = random.choice([*_WITNESSES[type_], *others, *successors])
    proofs = []
    for each in filter(None, map(block, known.proofs)):
        each = replaced(each, {name: bracketed(witness)})
        proofs.append(f"by\n  refine ⟨{witness}, ?_⟩\n  {below(each, 2)}")
        if "\n" not in each:
            proofs.append(f"by\n  exact ⟨{witness}, by {each}⟩")
    return Conjecture(statement, tuple(proofs))


VALUES: Mapping[str, Mutation] = {mutation.__name__: mutation for mutation in (specialise, instantiate, exists)}
