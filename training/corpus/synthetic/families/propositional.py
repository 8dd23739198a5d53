"""Propositional logic: tautologies of the classical calculus."""

import itertools
from collections.abc import Mapping
from random import Random

from training.corpus.synthetic.draft import Draft, Template
from training.corpus.synthetic.formulas import Formula, consistent, contingent, draw, entails, letters


def tautology(random: Random) -> Draft:
    """An implication or equivalence that is always true, though neither side is constant."""
    atoms = _atoms(random)
    while True:
        formula = Formula(random.choice("→→↔"), (draw(atoms, 2, random), draw(atoms, 2, random)))
        left, right = formula.parts
        if left != right and entails([], formula, atoms) and contingent(left, atoms) and contingent(right, atoms):
            return _draft(atoms, formula)


def entailment(random: Random) -> Draft:
    """A conclusion that needs every one of its premises."""
    atoms = _atoms(random)
    while True:
        premises = [draw(atoms, 2, random) for _ in range(random.randint(2, 3))]
        goal = draw(atoms, random.randint(0, 2), random)
        needed = [premises[:i] + premises[i + 1 :] for i in range(len(premises))]
        if not consistent(premises, atoms) or not contingent(goal, atoms):
            continue
        if entails(premises, goal, atoms) and not any(entails(fewer, goal, atoms) for fewer in needed):
            return _draft(atoms, goal, *premises)


def law(random: Random) -> Draft:
    """A law of logic with compound formulas for its letters."""
    atoms = _atoms(random)
    p, q, r = (draw(atoms, random.randint(0, 1), random) for _ in range(3))

    def not_(a: Formula) -> Formula:
        return Formula("¬", (a,))

    def join(symbol: str, a: Formula, b: Formula) -> Formula:
        return Formula(symbol, (a, b))

    laws = [
        join("↔", not_(join("∧", p, q)), join("∨", not_(p), not_(q))),
        join("↔", not_(join("∨", p, q)), join("∧", not_(p), not_(q))),
        join("↔", join("∧", p, join("∨", q, r)), join("∨", join("∧", p, q), join("∧", p, r))),
        join("↔", join("∨", p, join("∧", q, r)), join("∧", join("∨", p, q), join("∨", p, r))),
        join("↔", join("→", join("∧", p, q), r), join("→", p, join("→", q, r))),
        join("↔", join("→", p, q), join("→", not_(q), not_(p))),
        join("↔", join("→", join("∨", p, q), r), join("∧", join("→", p, r), join("→", q, r))),
        join("↔", not_(join("→", p, q)), join("∧", p, not_(q))),
        join("→", join("→", join("→", p, q), p), p),
        join("∨", join("→", p, q), join("→", q, p)),
    ]
    return _draft(atoms, random.choice(laws))


def case_analysis(random: Random) -> Draft:
    """A disjunction each of whose cases leads to the goal."""
    atoms = ["p", "q", "r", "s", "t"][: random.randint(3, 5)]
    goal, *cases = (Formula(atom) for atom in atoms)
    random.shuffle(cases)
    disjunction = cases[-1]
    for case in cases[-2::-1]:
        disjunction = Formula("∨", (case, disjunction))
    premises = [disjunction, *(Formula("→", (case, goal)) for case in cases)]
    random.shuffle(premises)
    return _draft(atoms, goal, *premises)


def chain(random: Random) -> Draft:
    """Implications to be arranged in order."""
    atoms = ["p", "q", "r", "s", "t", "u"][: random.randint(3, 6)]
    random.shuffle(atoms)
    formulas = [Formula(atom) for atom in atoms]
    premises = [Formula("→", pair) for pair in itertools.pairwise(formulas)]
    random.shuffle(premises)
    if random.random() < 0.5:
        contrapositive = Formula("→", (Formula("¬", (formulas[-1],)), Formula("¬", (formulas[0],))))
        return _draft(sorted(atoms), contrapositive, *premises)
    return _draft(sorted(atoms), formulas[-1], *premises, formulas[0])


def _atoms(random: Random) -> list[str]:
    names = random.choice(["p q r s", "a b c d", "P Q R S"]).split()
    return names[: random.randint(2, 4)]


def _draft(atoms: list[str], goal: Formula, *premises: Formula) -> Draft:
    used = letters(goal).union(*map(letters, premises))
    names = " ".join(atom for atom in atoms if atom in used)
    return Draft((f"{names} : Prop",), str(goal), tuple(map(str, premises)))


TEMPLATES: Mapping[str, Template] = {
    template.__name__: template for template in (tautology, entailment, law, case_analysis, chain)
}
