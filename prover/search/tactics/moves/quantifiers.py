"""Quantifier reasoning that needs an idea: case splits on quantified propositions, choice, diagonalisation."""

import re
from collections.abc import Iterator, Sequence

from prover.search.tactics.goals.facts import facts_of
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.names import names_of
from prover.search.tactics.goals.propositions import outermost
from prover.source.binders import Binder
from prover.source.lexer import tokenize

_QUANTIFIERS = ("∀", "∃")


def cases(goal: Goal, facts: Sequence[Binder]) -> Iterator[str]:
    """Case splits on a quantified part of the target or on the premise of a hypothesis; steps."""
    known_types = {each.type for each in facts}
    premises = [left for operator, left, _ in (outermost(each.type) for each in facts) if operator == "→"]
    parts = [*_closed_parts(goal.target), *(each for each in premises if not {each, f"¬{each}"} & known_types)]
    for part in list(dict.fromkeys(parts))[:3]:
        yield f"by_cases {names_of(goal, ['h'])[0]} : {part}\n· □\n· □"


def chosen(goal: Goal) -> Iterator[str]:
    """Tactics that construct a function from a value for each argument (choice)."""
    if outermost(goal.target)[0] == "∃":
        yield from (f"exact Classical.axiomOfChoice {each.name}" for each in facts_of(goal) if _is_total(each.type))


def diagonal(goal: Goal) -> Iterator[str]:
    """Tactics for diagonalisation: a function onto all predicates cannot have its own negated diagonal as a value."""
    if goal.target != "False":
        return
    functions = [
        each.name for each in goal.hypotheses if re.fullmatch(r"(\S+) → (?:\1 → )?(?:Prop|\(?\1 → Prop\)?)", each.type)
    ]
    w, hw, x = names_of(goal, ["w", "hw", "x"])
    for each in facts_of(goal):
        if _is_total(each.type):
            for function in functions[:2]:
                step = f"obtain ⟨{w}, {hw}⟩ := {each.name} fun {x} => ¬{function} {x} {x}"
                yield f"{step}\nhave {hw} := congrFun {hw} {w}\nsimp at {hw}"


def _is_total(type_: str) -> bool:
    operator, _, rest = outermost(type_)
    return operator == "∀" and outermost(rest.partition(", ")[2])[0] == "∃"


def _closed_parts(target: str) -> Iterator[str]:
    """Return quantified subterms of the target that contain no variables bound outside them."""
    tokens = list(tokenize(target))
    outer: set[str] = set()
    for index, token in enumerate(tokens):
        if token.text not in _QUANTIFIERS:
            continue
        depth, end = 0, len(target)
        for later in tokens[index:]:
            depth += (later.text in "([{⟨") - (later.text in ")]}⟩")
            if depth < 0:
                end = later.start
                break
        names = {each.text for each in tokens[index:] if each.kind == "name" and each.start < end}
        if index and not names & outer:
            yield target[token.start : end].strip()
        comma = next((each for each in tokens[index:] if each.text == ","), token)
        outer |= {each.text for each in tokens[index:] if each.kind == "name" and each.start < comma.start}
