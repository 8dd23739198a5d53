"""Reasoning with quantifiers that needs an idea: cases of what they say, choice, the diagonal."""

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
    """Whether what a quantified part of the target, or the premise of a fact, says is so; steps."""
    said = {each.type for each in facts}
    premises = [left for operator, left, _ in (outermost(each.type) for each in facts) if operator == "→"]
    parts = [*_closed_parts(goal.target), *(each for each in premises if not {each, f"¬{each}"} & said)]
    for part in list(dict.fromkeys(parts))[:3]:
        yield f"by_cases {names_of(goal, ['h'])[0]} : {part}\n· □\n· □"


def chosen(goal: Goal) -> Iterator[str]:
    """Tactics that give a function, where each argument has a value."""
    if outermost(goal.target)[0] == "∃":
        yield from (f"exact Classical.axiomOfChoice {each.name}" for each in facts_of(goal) if _is_total(each.type))


def diagonal(goal: Goal) -> Iterator[str]:
    """Tactics against a function that has every predicate as a value: it has not its own denial."""
    if goal.target != "False":
        return
    functions = [
        each.name for each in goal.hypotheses if re.fullmatch(r"(\S+) → (?:\1 → )?(?:Prop|\(?\1 → Prop\)?)", each.type)
    ]
    w, hw, x = names_of(goal, ["w", "hw", "x"])
    for each in facts_of(goal):
        if _is_total(each.type):
            for function in functions[:2]:
                taken = f"obtain ⟨{w}, {hw}⟩ := {each.name} fun {x} => ¬{function} {x} {x}"
                yield f"{taken}\nhave {hw} := congrFun {hw} {w}\nsimp at {hw}"


def _is_total(type_: str) -> bool:
    operator, _, rest = outermost(type_)
    return operator == "∀" and outermost(rest.partition(", ")[2])[0] == "∃"


def _closed_parts(target: str) -> Iterator[str]:
    """Quantified propositions inside the target that mention nothing bound outside of them."""
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
