"""Evaluates statements on numbers, before Lean is asked."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from prover.sampling.plans.arithmetic import UnknownError, holds
from prover.sampling.plans.statement import Statement

_SMALL = (0, 1, 2, 3, -1, -2)
_TRIED = 48
_WANTED = 20
"""Number of assignments satisfying the hypotheses after which no more are tried."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Result of trying numbers.

    Attributes:
        false: an assignment that satisfies all hypotheses but not the goal.
        instances: number of assignments that satisfy hypotheses and goal.
    """

    false: bool = False
    instances: int = 0


def evidence(statement: Statement | None, random: Random) -> Evidence:
    """Try numbers; nothing is found for statements about anything but numbers of one kind."""
    types = {type_ for _, type_ in statement.variables} if statement else set()
    if statement is None or len(types) != 1 or not types <= {"Nat", "Int"}:
        return Evidence()
    natural = types == {"Nat"}
    instances = 0
    try:
        for numbers in _assignments([name for name, _ in statement.variables], natural, random):
            if all(holds(says, numbers, natural) for _, says in statement.hypotheses):
                if not holds(statement.goal, numbers, natural):
                    return Evidence(false=True)
                instances += 1
                if instances == _WANTED:
                    break
    except UnknownError:
        return Evidence()
    return Evidence(instances=instances)


def _assignments(names: list[str], natural: bool, random: Random) -> Iterator[dict[str, int]]:
    """Yield combinations of small numbers, then larger random ones."""
    small = [number for number in _SMALL if number >= 0 or not natural]
    few = list(itertools.islice(itertools.product(small, repeat=len(names)), 1296))
    for values in random.sample(few, min(_TRIED // 2, len(few))):
        yield dict(zip(names, values, strict=True))
    for _ in range(_TRIED // 2):
        most = random.choice((5, 12, 40))
        yield {name: random.randint(0 if natural else -most, most) for name in names}
