"""Predicates of one argument with compound formulas: what follows for all or for some."""

from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template
from training.corpus.synthetic.formulas import Formula, contingent, draw, entailment, redundant

_ATOMS = ("P x", "Q x", "R x", "S x")


def for_all(random: Random) -> Draft:
    """A fact that holds for all, from others that do."""
    premises, goal = _entailment(random, random.randint(1, 2))
    return _draft(f"∀ x, {goal}", tuple(f"∀ x, {premise}" for premise in premises))


def for_some(random: Random) -> Draft:
    """A fact that holds for some, from others that hold for all and for some."""
    premises, goal = _entailment(random, random.randint(1, 3))
    facts = [f"∀ x, {premise}" for premise in premises]
    facts[0] = f"∃ x, {premises[0]}"
    random.shuffle(facts)
    return _draft(f"∃ x, {goal}", tuple(facts))


def for_one(random: Random) -> Draft:
    """A fact that holds for one, from others that hold for all and for it."""
    premises, goal = _entailment(random, random.randint(1, 3))
    facts = [f"∀ x, {premise}" for premise in premises]
    facts[0] = str(premises[0]).replace(" x", " a")
    random.shuffle(facts)
    return _draft(str(goal).replace(" x", " a"), tuple(facts), "a : α")


def for_none(random: Random) -> Draft:
    """A fact that holds for none, or not for all."""
    premises, goal = _entailment(random, random.randint(1, 2))
    first = str(premises[0])
    if random.random() < 0.5:
        return _draft(f"¬ ∃ x, {first}", (*(f"∀ x, {each}" for each in premises[1:]), f"¬ ∃ x, {goal}"))
    return _draft(f"¬ ∀ x, {first}", (*(f"∀ x, {each}" for each in premises[1:]), f"¬ ∀ x, {goal}"))


def distribution(random: Random) -> Draft:
    """A quantifier past a connective, with compound formulas."""
    one, two = (_contingent(random) for _ in range(2))
    a, b = _bracketed(one), _bracketed(two)
    goal = random.choice(
        [
            f"(∀ x, {a} ∧ {b}) ↔ (∀ x, {a}) ∧ ∀ x, {b}",
            f"(∃ x, {a} ∨ {b}) ↔ (∃ x, {a}) ∨ ∃ x, {b}",
            f"(∃ x, {a} ∧ {b}) → (∃ x, {a}) ∧ ∃ x, {b}",
            f"(∀ x, {a}) ∨ (∀ x, {b}) → ∀ x, {a} ∨ {b}",
            f"(∀ x, {a} → {b}) → (∃ x, {a}) → ∃ x, {b}",
            f"(∀ x, {a} → {b}) → (∀ x, {a}) → ∀ x, {b}",
            f"(¬ ∃ x, {a} ∧ {b}) ↔ ∀ x, {a} → ¬ {b}",
        ]
    )
    return _draft(goal)


def _entailment(random: Random, count: int) -> tuple[list[Formula], Formula]:
    """Return formulas and one that follows from them, but from no fewer."""
    return entailment(_ATOMS[: random.randint(max(2, count), 4)], count, random)


def _contingent(random: Random) -> Formula:
    atoms = _ATOMS[: random.randint(1, 3)]
    while True:
        formula = draw(atoms, random.randint(1, 2), random)
        if contingent(formula, atoms) and not redundant(formula):
            return formula


def _bracketed(formula: Formula) -> str:
    return f"({formula})" if formula.parts and formula.symbol != "¬" else str(formula)


def _draft(goal: str, hypotheses: tuple[str, ...] = (), *extra: str) -> Draft:
    text = " ".join((goal, *hypotheses))
    used = " ".join(name for name in "PQRS" if f"{name} " in text)
    return Draft(("{α : Type}", f"{used} : α → Prop", *extra), goal, hypotheses)


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template for template in (for_all, for_some, for_one, for_none, distribution)
}
