"""Propositional formulas: random generation, output, and truth tables."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from random import Random

_POOL = 24
_BINDING = {"↔": 20, "→": 25, "∨": 30, "∧": 35, "¬": 40, "": 100}


@dataclass(frozen=True, slots=True)
class Formula:
    """An atom (`symbol` is its name, no parts), a negation, or a binary connective."""

    symbol: str
    parts: tuple["Formula", ...] = ()

    def holds(self, truth: Mapping[str, bool]) -> bool:
        """Return the truth value."""
        values = [part.holds(truth) for part in self.parts]
        match self.symbol:
            case "¬":
                return not values[0]
            case "∧":
                return all(values)
            case "∨":
                return any(values)
            case "→":
                return not values[0] or values[1]
            case "↔":
                return values[0] == values[1]
            case name:
                return truth[name]

    def __str__(self) -> str:
        if not self.parts:
            return self.symbol
        if self.symbol == "¬":
            return f"¬{self.parts[0]._in_brackets(False)}"
        left, right = self.parts
        return f"{left._in_brackets(left.symbol == '→' == self.symbol)} {self.symbol} {right._in_brackets(False)}"

    def _in_brackets(self, force: bool) -> str:
        return f"({self})" if force or (self.parts and self.symbol != "¬") else str(self)


def draw(atoms: Sequence[str], depth: int, random: Random) -> Formula:
    """Return a random formula of at most this depth."""
    if depth == 0 or random.random() < 0.15:
        return Formula(random.choice(atoms))
    if random.random() < 0.2:
        return Formula("¬", (draw(atoms, depth - 1, random),))
    symbol = random.choices(["∧", "∨", "→", "↔"], [4, 4, 5, 1])[0]
    return Formula(symbol, (draw(atoms, depth - 1, random), draw(atoms, depth - 1, random)))


def assignments(atoms: Sequence[str]) -> list[dict[str, bool]]:
    """Return every truth assignment."""
    return [dict(zip(atoms, values, strict=True)) for values in itertools.product([False, True], repeat=len(atoms))]


def entails(premises: Sequence[Formula], conclusion: Formula, atoms: Sequence[str]) -> bool:
    """Whether the conclusion holds under every assignment that satisfies all premises."""
    return all(
        conclusion.holds(truth) for truth in assignments(atoms) if all(premise.holds(truth) for premise in premises)
    )


def contingent(formula: Formula, atoms: Sequence[str]) -> bool:
    """Whether a formula is true under some assignments and false under others."""
    return len({formula.holds(truth) for truth in assignments(atoms)}) == 2


def consistent(premises: Sequence[Formula], atoms: Sequence[str]) -> bool:
    """Whether an assignment satisfies all premises."""
    return any(all(premise.holds(truth) for premise in premises) for truth in assignments(atoms))


def letters(formula: Formula) -> set[str]:
    """Return the atoms of a formula."""
    return set().union(*map(letters, formula.parts)) if formula.parts else {formula.symbol}


def redundant(formula: Formula) -> bool:
    """Whether a part joins a formula with itself, or negates a negation."""
    parts = formula.parts
    equal = len(parts) == 2 and parts[0] == parts[1]
    return equal or (formula.symbol == "¬" and parts[0].symbol == "¬") or any(map(redundant, parts))


def entailment(atoms: Sequence[str], count: int, random: Random) -> tuple[list[Formula], Formula]:
    """Return formulas, none of them redundant or constant, and one that follows from them all but not from fewer."""
    rows = assignments(atoms)
    whole = (1 << len(rows)) - 1
    while True:
        tables: dict[Formula, int] = {}
        for _ in range(_POOL):
            formula = draw(atoms, random.randint(0, 2), random)
            table = sum(formula.holds(row) << place for place, row in enumerate(rows))
            if table not in (0, whole) and not redundant(formula):
                tables[formula] = table
        for _ in range(_POOL**2 if len(tables) > count else 0):
            *premises, goal = random.sample(list(tables), count + 1)
            # Of each choice of all premises but one, and last of all of them, the rows in which they hold.
            common = [
                reduce(and_, (tables[each] for each in premises if each is not left_out), whole)
                for left_out in (*premises, None)
            ]
            if common[-1] and [not rows_of & ~tables[goal] for rows_of in common] == [False] * count + [True]:
                return premises, goal
