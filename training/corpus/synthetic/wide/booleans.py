"""Boolean expressions: equal ones, and what follows from the values of others."""

from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template
from training.corpus.synthetic.formulas import Formula, contingent, draw, entailment, entails, letters, redundant


def equality(random: Random) -> Draft:
    """Two expressions with equal values."""
    atoms = _atoms(random)
    while True:
        left, right = draw(atoms, 2, random), draw(atoms, random.randint(1, 2), random)
        if left == right or redundant(left) or redundant(right):
            continue
        if contingent(left, atoms) and entails([], Formula("↔", (left, right)), atoms):
            return _draft(atoms, f"{_text(left)} = {_text(right)}", left, right)


def value(random: Random) -> Draft:
    """The value of an expression, from those of others."""
    atoms = _atoms(random)
    premises, goal = entailment(atoms, random.randint(1, min(3, len(atoms) - 1)), random)
    premises_text = tuple(_equation(premise, random) for premise in premises)
    return _draft(atoms, _equation(goal, random), goal, *premises, hypotheses=premises_text)


def cases(random: Random) -> Draft:
    """One of two expressions has a value."""
    atoms = _atoms(random)
    while True:
        left, right = draw(atoms, 2, random), draw(atoms, random.randint(0, 2), random)
        either = Formula("∨", (left, right))
        if redundant(left) or redundant(right):
            continue
        if contingent(left, atoms) and contingent(right, atoms) and entails([], either, atoms):
            return _draft(atoms, f"{_equation(left, random)} ∨ {_equation(right, random)}", left, right)


def _equation(formula: Formula, random: Random) -> str:
    """Say that a formula is true, in one case of two by its negation."""
    if formula.symbol == "¬" and random.random() < 0.5:
        return f"{_text(formula.parts[0])} = false"
    return f"{_text(formula)} = true"


def _text(formula: Formula) -> str:
    """Return the formula as an expression of type `Bool`."""
    parts = [_text(part) for part in formula.parts]
    match formula.symbol:
        case "¬":
            return f"(!{parts[0]})"
        case "∧":
            return f"({parts[0]} && {parts[1]})"
        case "∨":
            return f"({parts[0]} || {parts[1]})"
        case "→":
            return f"(!{parts[0]} || {parts[1]})"
        case "↔":
            return f"({parts[0]} == {parts[1]})"
        case name:
            return name


def _atoms(random: Random) -> list[str]:
    return random.choice(["a b c d", "x y z w", "b c d e"]).split()[: random.randint(2, 4)]


def _draft(atoms: list[str], goal: str, *used: Formula, hypotheses: tuple[str, ...] = ()) -> Draft:
    mentioned = set().union(*map(letters, used))
    return Draft((f"{' '.join(atom for atom in atoms if atom in mentioned)} : Bool",), goal, hypotheses)


TEMPLATES: Mapping[str, Template] = {template.__name__: template for template in (equality, value, cases)}
