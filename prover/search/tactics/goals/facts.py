"""Decides from the text of a goal which hypotheses are propositions."""

from prover.search.tactics.goals.goal import Goal
from prover.search.tactics.goals.propositions import outermost
from prover.source.binders import Binder


def facts_of(goal: Goal) -> list[Binder]:
    """Return the hypotheses that are propositions; variables, types, functions and predicates are left out."""
    predicates = {each.name for each in goal.hypotheses if "Prop" in each.type and not is_sort(each.type)}
    predicates |= {each.name for each in goal.hypotheses if each.type == "Prop"}
    return [each for each in goal.hypotheses if _is_said(each.type, predicates)]


def is_sort(type_: str) -> bool:
    """Whether the text is the type of types or of propositions."""
    return type_.split(" ")[0] in ("Type", "Sort", "Prop")


def _is_said(type_: str, predicates: set[str]) -> bool:
    operator, left, right = outermost(type_)
    match operator:
        case "":
            return type_.split(" ")[0].strip("()") in predicates
        case "→":
            return "Prop" not in right and (_is_said(left, predicates) or _is_said(right, predicates))
        case _:
            return True
