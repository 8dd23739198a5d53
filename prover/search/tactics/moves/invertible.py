"""Invertible steps: they keep a provable goal provable, so that no alternatives need be tried."""

import re
from collections.abc import Iterator

from prover.search.tactics.goals.facts import facts_of
from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.known import ContextDeclarations
from prover.search.tactics.goals.names import Names, introduced
from prover.search.tactics.goals.propositions import outermost, unbracketed
from prover.search.tactics.moves.arithmetic import remainders
from prover.search.tactics.terms.witnesses import bound
from prover.source.binders import read_shape

_FORALL = re.compile(r"[∀∃]")
_NEGATIONS = "Classical.not_forall, not_exists, Classical.not_imp, not_or, Classical.not_not"


def invertible(goal: Goal, known: ContextDeclarations) -> Iterator[str]:
    """Invertible steps (see `prover.search.tactics.moves.steps`); the first one that succeeds is as good as any
    other.
    """
    operator = outermost(goal.target)[0]
    names = Names(goal.hypotheses)
    if operator in ("↔", "∨", "¬"):
        yield from remainders(goal)
    match operator:
        case "∀" | "→":
            if chosen := introduced(read_shape(f"theorem _ : {goal.target}"), names):
                yield f"intro {' '.join(each.name for each in chosen)}\n□"
        case "¬":
            yield f"intro {names.about(goal.target.removeprefix('¬').strip())}\n□"
        case "≠":
            yield f"intro {names.fresh('h')}\n□"
    variables = {variable.name for variable in goal.hypotheses}
    names_of = {each.type: each.name for each in facts_of(goal)}
    for each in goal.hypotheses:
        head, one, other = outermost(each.type)
        if head == "→" and one in names_of and other not in names_of and not _FORALL.match(one):
            yield f"have {names.about(other)} := {each.name} {names_of[one]}\n□"
        match head:
            case "∧":
                yield f"obtain ⟨{names.about(one)}, {names.about(other)}⟩ := {each.name}\n□"
                return
            case "∃":
                found = bound(each.type)
                name = names.fresh(found[0] if found else "w")
                head, one, other = outermost(found[1]) if found else ("", "", "")
                if head == "=" and variables & {one, other}:
                    yield f"obtain ⟨{name}, rfl⟩ := {each.name}\n□"
                yield f"obtain ⟨{name}, {names.fresh('h' + name)}⟩ := {each.name}\n□"
                return
            case "=":
                if one in variables or other in variables:
                    yield f"subst {each.name}\n□"
            case "¬" if other != goal.target and outermost(unbracketed(other))[0] in ("∀", "∃", "→", "∨", "¬"):
                yield f"simp only [{_NEGATIONS}] at {each.name}\n□"
    if mentioned := known.mentioned(goal.text, known.plain):
        yield f"simp only [{', '.join(mentioned)}] at *\n□"
        yield f"unfold {' '.join(mentioned)}\n□"
    match operator:
        case "∧" | "↔":
            yield "constructor\n· □\n· □"
