"""Proof templates: tactic blocks with holes that are filled from a theorem's text.

A hole is `$kind`. Each kind lists possible fillings, best guess first; a template with a hole that cannot be filled
does not apply. Statements are parsed heuristically (prover/source/binders.py); a wrong guess costs one check.
"""

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from string import Template as Text

from prover.source.binders import Shape
from prover.theorem import Theorem

_HOLE = re.compile(r"\$(\w+)")
_MODULUS = re.compile(r"% ?(\d{1,2})\b|(?<!\d)(\d{1,2}) ?∣")
_COMPARISON = re.compile(r"([^<>≤≥=≠∧∨∣∀∃]+) ([<>≤≥]) ([^<>≤≥=≠∧∨∣∀∃]+)")
_POWER = re.compile(r"\^ *([2-9])")
_FILLINGS_PER_HOLE = 3
_FILLINGS_PER_TEMPLATE = 3
_MOST_CASES = 36
_MOST_LEMMAS = 8


@dataclass(frozen=True, slots=True)
class Template:
    """A named tactic block with holes."""

    name: str
    tactics: str

    @property
    def one_line(self) -> bool:
        """Whether it is a single tactic after the introductions, without combinators and holes."""
        lines = [line for line in self.tactics.split("\n") if line != "$intros" and not line.startswith("$if_")]
        return len(lines) == 1 and not re.search(r"\$|<;>|^first\b", lines[0])

    def fill(self, theorem: Theorem, shape: Shape) -> Iterator[str]:
        """Yield the proofs that this template makes for a theorem of this shape; none if it does not apply."""
        holes = list(dict.fromkeys(_HOLE.findall(self.tactics)))
        choices = [list(itertools.islice(KINDS[hole](theorem, shape), _FILLINGS_PER_HOLE)) for hole in holes]
        for fillings in itertools.islice(itertools.product(*choices), _FILLINGS_PER_TEMPLATE):
            block = Text(self.tactics).substitute(dict(zip(holes, fillings, strict=True)))
            yield "by\n" + "\n".join(f"  {line}" for line in block.split("\n") if line.strip())


def _of_type(*types: str) -> Callable[[Theorem, Shape], Iterator[str]]:
    """Return variables of one of these types, applied to arguments or not."""
    return lambda _, shape: (b.name for b in shape.binders if b.type.split(" ")[0] in types and "→" not in b.type)


def _assuming(pattern: str) -> Callable[[Theorem, Shape], Iterator[str]]:
    """Return hypotheses whose text matches."""
    expression = re.compile(pattern)
    return lambda _, shape: (b.name for b in shape.binders if expression.search(b.type))


def _if_goal(pattern: str) -> Callable[[Theorem, Shape], Iterator[str]]:
    """A hole filled with an empty text if the goal after the introductions matches."""
    expression = re.compile(pattern)
    return lambda _, shape: iter([""] if expression.search(shape.goal) else [])


def _if_closed(_: Theorem, shape: Shape) -> Iterator[str]:
    """A hole filled with an empty text if the statement has no variables or hypotheses."""
    if not shape.binders:
        yield ""


def _intros(_: Theorem, shape: Shape) -> Iterator[str]:
    """Return the line that introduces the goal's own variables and assumptions; empty if there are none."""
    yield f"intro {' '.join(shape.intros)}" if shape.intros else ""


def _definitions(_: Theorem, shape: Shape) -> Iterator[str]:
    """Return all definitions of the context at once."""
    if shape.declared.definitions:
        yield ", ".join(shape.declared.definitions)


def _lemmas(_: Theorem, shape: Shape) -> Iterator[str]:
    """Return the theorems and axioms of the context that are closest to the statement."""
    if shape.declared.theorems:
        yield ", ".join(shape.declared.theorems[-_MOST_LEMMAS:])


def _facts(_: Theorem, shape: Shape) -> Iterator[str]:
    """Return these theorems as hypotheses."""
    if shape.declared.theorems:
        yield "\n".join(f"have fact{i} := @{name}" for i, name in enumerate(shape.declared.theorems[-_MOST_LEMMAS:]))


def _declared(_: Theorem, shape: Shape) -> Iterator[str]:
    """Return variables and hypotheses whose type is an inductive type of the context."""
    types = {name.rpartition(".")[2] for name in shape.declared.types}
    return (b.name for b in shape.binders if b.type.split(" ")[0].rpartition(".")[2] in types)


def _residues(count: int) -> Callable[[Theorem, Shape], Iterator[str]]:
    """Return case splits on the residues of `count` numbers, by moduli that occur in the statement."""

    def cases(theorem: Theorem, shape: Shape) -> Iterator[str]:
        found = {int(one or other) for one, other in _MODULUS.findall(theorem.statement)}
        moduli = sorted(modulus for modulus in found if modulus > 1 and modulus**count <= _MOST_CASES)
        for modulus in moduli:
            for names in itertools.combinations(_numbers(theorem, shape), count):
                yield _distinguish(names, modulus)

    return cases


def _distinguish(names: Sequence[str], modulus: int) -> str:
    facts = [
        f"have r{name} : {' ∨ '.join(f'{name} % {modulus} = {residue}' for residue in range(modulus))} := by omega"
        for name in names
    ]
    splits = [f"rcases r{name} with {' | '.join([f'r{name}'] * modulus)}" for name in names]
    return "\n".join([*facts, " <;> ".join(splits)])


def _squares(theorem: Theorem, shape: Shape) -> Iterator[str]:
    """Return proofs that squares of numbers and of their differences are nonnegative, for proving inequalities."""
    names = [f"({name} : Int)" for name in itertools.islice(_numbers(theorem, shape), 3)]
    terms = [f"{one} - {other}" for one, other in itertools.combinations(names, 2)] + names
    if terms:
        yield "\n".join(f"have s{i} := Lean.Grind.OrderedRing.sq_nonneg (a := {term})" for i, term in enumerate(terms))


def _products(theorem: Theorem, shape: Shape) -> Iterator[str]:
    """Return signs of products of integers and of differences compared in hypotheses, where `omega` can see the
    factors' signs.
    """
    variables = list(itertools.islice(_integers(theorem, shape), 3))
    compared = [match for binder in shape.binders if (match := _COMPARISON.fullmatch(binder.type))]
    factors = variables + [f"({m[3]} - ({m[1]}))" if m[2] in "<≤" else f"({m[1]} - ({m[3]}))" for m in compared[:2]]
    lines = [
        f"try first | have p{i} := Int.mul_pos (show 0 < {one} by omega) (show 0 < {other} by omega) "
        f"| have p{i} := Int.mul_nonneg (show 0 ≤ {one} by omega) (show 0 ≤ {other} by omega)"
        for i, (one, other) in enumerate(itertools.combinations_with_replacement(factors, 2))
    ]
    powers = sorted(set(_POWER.findall(theorem.statement)))
    lines += [
        f"try have w{name}{power} : 0 < {name} ^ {power} := Int.pow_pos (show 0 < {name} by omega)"
        for name, power in itertools.product(variables, powers)
    ]
    if variables:
        yield "\n".join(lines)


_naturals = _of_type("Nat", "ℕ", "")  # a bound variable without a type is usually a natural number
_integers = _of_type("Int", "ℤ")
_bools = _of_type("Bool")
_numbers = _of_type("Nat", "ℕ", "Int", "ℤ")

KINDS: Mapping[str, Callable[[Theorem, Shape], Iterator[str]]] = {
    "intros": _intros,
    "nat": _naturals,
    "number": _numbers,
    "list": _of_type("List"),
    "option": _of_type("Option"),
    "prop": _of_type("Prop"),
    "and": _assuming(r"^[^∀∃]*∧"),
    "or": _assuming(r"^[^∀∃]*∨"),
    "exists": _assuming(r"^∃"),
    "forall": _assuming(r"^∀"),
    "hypothesis": _assuming(r"[=<>≤≥≠∣∧∨∃∀¬↔%]"),
    "declared": _declared,
    "definitions": _definitions,
    "lemmas": _lemmas,
    "facts": _facts,
    "residues": _residues(1),
    "residues2": _residues(2),
    "squares": _squares,
    "products": _products,
    "bools": lambda theorem, shape: iter([" ".join(names)] if (names := list(_bools(theorem, shape))) else []),
    "if_closed": _if_closed,
    "if_exists": _if_goal(r"^∃"),
    "if_iff": _if_goal(r"↔"),
    "if_and": _if_goal(r"∧"),
    "if_or": _if_goal(r"∨"),
    "if_dvd": _if_goal(r"∣"),
}
"""The kinds of holes."""
