"""Parses the binders of a statement, tolerantly, so that a sampler can name its variables.

The result is a guess: its users propose proofs, and a wrong guess leads to a proof that Lean rejects.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from prover.source.context.declarations import Declared
from prover.source.lexer import BRACKETS, Token, find, tokenize

_MOST_INTROS = 32  # each one scans the rest of the text
_RELATIONS = frozenset("<>≤≥≠=∈∣")


@dataclass(frozen=True, slots=True)
class Binder:
    """A variable or hypothesis: its name and the text of its type (empty if none is written)."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class Shape:
    """Binders and goal of a statement.

    Attributes:
        binders: those before the colon, then those that `intros` introduces, outermost first.
        intros: names for variables and assumptions of the goal itself, in order.
        goal: the rest of the text.
        declared: declarations of the context, which the statement alone does not show.
    """

    binders: tuple[Binder, ...]
    intros: tuple[str, ...]
    goal: str
    declared: Declared = field(default_factory=Declared)


def read_shape(statement: str) -> Shape:
    """Parse `theorem NAME binders : ∀ x, A → goal`."""
    tokens = list(tokenize(statement))
    colon = find(tokens, 0, ":")
    binders = read_groups(statement, tokens[:colon])
    declared = len(binders)
    goal = tokens[colon + 1 :]
    while len(binders) - declared < _MOST_INTROS:
        if goal and goal[0].text == "∀" and (comma := find(goal, 0, ",")) < len(goal):
            binders += _read_quantified(statement, goal[1:comma])
            goal = goal[comma + 1 :]
        elif _opens(goal):
            break  # the arrow belongs to the type of the variable, as in `∃ f : Nat → Nat, …`
        elif (arrow := find(goal, 0, "→")) < find(goal, 0, ",") and find(goal, 0, "↔") == len(goal):
            binders.append(Binder(f"g{len(binders) - declared + 1}", _slice(statement, goal[:arrow])))
            goal = goal[arrow + 1 :]
        else:
            break
    return Shape(tuple(binders), tuple(binder.name for binder in binders[declared:]), _slice(statement, goal))


def signature(statement: str) -> tuple[str, str, str] | None:
    """Split `theorem NAME binders : goal` into the name with its universes, the binders and the goal; None for other
    texts.
    """
    tokens = list(tokenize(statement))
    colon = find(tokens, 0, ":")
    if (
        len(tokens) < 2
        or tokens[0].text not in ("theorem", "lemma")
        or tokens[1].kind != "name"
        or colon + 1 >= len(tokens)
    ):
        return None
    first = 2
    if tokens[2].text == "." and tokens[3].text == "{":  # universe parameters
        first = find(tokens, 4, "}") + 1
    head = statement[tokens[1].start : tokens[first - 1].end]
    binders = statement[tokens[first].start : tokens[colon - 1].end] if first < colon else ""
    return head, binders, statement[tokens[colon + 1].start : tokens[-1].end]


def _opens(tokens: Sequence[Token]) -> bool:
    """Whether a proposition begins with a quantifier other than `∀`."""
    return bool(tokens) and tokens[0].text in ("∃", "∃!", "fun", "λ")


def read_groups(text: str, tokens: Sequence[Token]) -> list[Binder]:
    """Parse the binders of each bracketed group: `(x y : T)`, `{x : T}`; anonymous instances yield none."""
    binders: list[Binder] = []
    index = 0
    while index < len(tokens):
        closing = BRACKETS.get(tokens[index].text)
        if closing is None:
            index += 1
            continue
        end = find(tokens, index + 1, closing)
        group = tokens[index + 1 : end]
        colon = find(group, 0, ":")
        if colon < len(group):
            type_ = _slice(text, group[colon + 1 :])
            binders += (Binder(token.text, type_) for token in group[:colon] if token.kind == "name")
        index = end + 1
    return binders


def _read_quantified(text: str, tokens: Sequence[Token]) -> list[Binder]:
    """Parse the binders between `∀` and its comma: bracketed groups, `x y : T`, `x`, or `x > 0`, which adds a
    hypothesis.
    """
    if tokens and tokens[0].text in BRACKETS:
        return read_groups(text, tokens)
    names = [token.text for token in tokens[: next((i for i, t in enumerate(tokens) if t.kind != "name"), len(tokens))]]
    rest = tokens[len(names) :]
    if rest and rest[0].text == ":":
        return [Binder(name, _slice(text, rest[1:])) for name in names]
    binders = [Binder(name, "") for name in names]
    if rest and rest[0].text in _RELATIONS:
        binders += (Binder(f"h{name}", name + " " + _slice(text, rest)) for name in names)
    return binders


def _slice(text: str, tokens: Sequence[Token]) -> str:
    return " ".join(text[tokens[0].start : tokens[-1].end].split()) if tokens else ""
