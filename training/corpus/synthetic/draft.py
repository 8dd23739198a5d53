"""Drafts of statements, and random choices for the templates."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

_NAMES = ("a b c d e", "x y z w v", "m n k l i", "p q r s t", "u v w x y")
_SUBSCRIPTS = "₁₂₃₄₅₆₇₈₉"


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft made by a template.

    Attributes:
        variables: groups such as `x y : Int`, without brackets; `{α : Type}` and `[Inhabited α]` keep theirs.
        hypotheses: propositions, in order.
        goal: a proposition.
        context: definitions required before the statement.
    """

    variables: tuple[str, ...]
    goal: str
    hypotheses: tuple[str, ...] = ()
    context: str = ""

    def statement(self, name: str, random: Random) -> str:
        """Return the statement, with variables and hypotheses before the colon or, in one case of four, after it."""
        groups = [group if group[0] in "{[" else f"({group})" for group in self.variables]
        fixed = [group for group in groups if group[0] != "("]
        bound = [group for group in groups if group[0] == "("]
        if random.random() < 0.25:
            quantifier = f"∀ {' '.join(bound)}, " if bound else ""
            premises = "".join(f"{_parenthesised(premise)} → " for premise in self.hypotheses)
            goal = _parenthesised(self.goal) if premises else self.goal
            return " ".join(["theorem", name, *fixed, ":", f"{quantifier}{premises}{goal}"])
        names = ["h"] if len(self.hypotheses) == 1 else [f"h{_SUBSCRIPTS[i]}" for i in range(len(self.hypotheses))]
        premises_bound = [f"({label} : {premise})" for label, premise in zip(names, self.hypotheses, strict=True)]
        return " ".join(["theorem", name, *fixed, *bound, *premises_bound, ":", self.goal])


Template = Callable[[Random], Draft]


def variables(random: Random, count: int) -> list[str]:
    """Return distinct names that are usual together, in order."""
    return random.choice(_NAMES).split()[:count]


def coefficient(value: int, term: str) -> str:
    """Return `value * term`, without a factor of 1."""
    return term if value == 1 else f"{value} * {term}"


def linear(terms: dict[str, int], constant: int = 0) -> str:
    """Return `2 * x - y + 3` from coefficients; `0` if all are 0."""
    parts = [(value, coefficient(abs(value), term)) for term, value in terms.items() if value]
    if constant or not parts:
        parts.append((constant, str(abs(constant))))
    first = f"-{parts[0][1]}" if parts[0][0] < 0 else parts[0][1]
    return first + "".join(f" {'-' if value < 0 else '+'} {text}" for value, text in parts[1:])


def _parenthesised(proposition: str) -> str:
    """Add brackets if a leading quantifier or a connective of low precedence would change the meaning."""
    loose = any(symbol in proposition for symbol in ("→", "↔", "∀", "∃"))
    return f"({proposition})" if loose else proposition
