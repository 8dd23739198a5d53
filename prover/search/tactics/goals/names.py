"""Names for what a step brings, none of them taken, such as a person would give."""

import re
from collections.abc import Iterable, Sequence

from prover.search.tactics.goals.goal import Goal
from prover.source.binders import Binder, Shape

_ASSUMPTION = re.compile(r"g\d+")
_ATOM = re.compile(r"¬?\(?([A-Za-zα-ωΑ-Ω]\w?)\)?(?: [a-z]\w?)*")


class Names:
    """Names for what a step brings, none of them taken."""

    def __init__(self, taken: Iterable[Binder]) -> None:
        self._taken = {each.name for each in taken}

    def fresh(self, name: str) -> str:
        """`name`, or with a number after it."""
        found = next(
            each
            for each in (name + (str(n) if n else "") for n in range(len(self._taken) + 1))
            if each not in self._taken
        )
        self._taken.add(found)
        return found

    def about(self, proposition: str) -> str:
        """A name for a proof: `hp` of `p`, `hp` of `p x`, else `h`."""
        match = _ATOM.fullmatch(proposition)
        return self.fresh(f"h{match[1]}" if match else "h")


def introduced(shape: Shape, names: Names) -> list[Binder]:
    """What the goal of a shape quantifies over or assumes, under names that a person would give."""
    own = shape.binders[len(shape.binders) - len(shape.intros) :]
    return [
        Binder(names.about(each.type) if _ASSUMPTION.fullmatch(each.name) else names.fresh(each.name), each.type)
        for each in own
    ]


def names_of(goal: Goal, wanted: Sequence[str]) -> list[str]:
    """The names, made different from all that the goal has and from each other."""
    names = Names(goal.hypotheses)
    return [names.fresh(each) for each in wanted]
