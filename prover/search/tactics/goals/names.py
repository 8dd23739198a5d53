"""Fresh names for variables and hypotheses that a step introduces, in the usual style."""

import re
from collections.abc import Iterable, Sequence

from prover.search.tactics.goals.goal import Goal
from prover.source.binders import Binder, Shape

_ASSUMPTION = re.compile(r"g\d+")
_ATOM = re.compile(r"¬?\(?([A-Za-zα-ωΑ-Ω]\w?)\)?(?: [a-z]\w?)*")


class Names:
    """Allocates names that are not in use yet."""

    def __init__(self, taken: Iterable[Binder]) -> None:
        self._taken = {each.name for each in taken}

    def fresh(self, name: str) -> str:
        """Return `name`, with a number appended if it is taken."""
        found = next(
            each
            for each in (name + (str(n) if n else "") for n in range(len(self._taken) + 1))
            if each not in self._taken
        )
        self._taken.add(found)
        return found

    def about(self, proposition: str) -> str:
        """Return a name for a proof: `hp` for `p`, `hp` for `p x`, otherwise `h`."""
        match = _ATOM.fullmatch(proposition)
        return self.fresh(f"h{match[1]}" if match else "h")


def introduced(shape: Shape, names: Names) -> list[Binder]:
    """Return idiomatic names for the variables and assumptions that a target of this shape introduces."""
    binders = shape.binders[len(shape.binders) - len(shape.intros) :]
    return [
        Binder(names.about(each.type) if _ASSUMPTION.fullmatch(each.name) else names.fresh(each.name), each.type)
        for each in binders
    ]


def names_of(goal: Goal, wanted: Sequence[str]) -> list[str]:
    """Return the names, changed where needed to be distinct from each other and from all names in the goal."""
    names = Names(goal.hypotheses)
    return [names.fresh(each) for each in wanted]
