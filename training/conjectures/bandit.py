"""Chooses what to draw next: kinds of conjectures that gave many proofs in little time are drawn more often, none too often."""

from collections import Counter
from collections.abc import Iterable
from random import Random

from training.conjectures.experience import DecayingRate

_SHARE = 0.14
"""Largest share of a family in the theorems kept."""
_FREE = 25
"""Number of theorems that any family may have."""
_FORGOTTEN = 0.99
"""Weight of the earlier draws after each further draw: a family that runs out of new theorems is left."""
_DRAWING = 40.0
"""Cost of a draw besides Lean, in milliseconds."""
_LONGEST = 5_000.0
"""Longest time that one draw counts for, in milliseconds: on a busy machine, more of it was waiting."""
_FIRST_RATE = (2.0, 400.0)
"""Assumed number of proofs of an arm, and the milliseconds that they took, before there are data."""
_CONTRAST = 3
"""Exponent of the rates; the higher, the rarer are families with a low one."""


class Bandit:
    """A multi-armed bandit. Arms are named `family/variant` or `family`."""

    def __init__(self, arms: Iterable[str]) -> None:
        """Start with equal expectations of all arms."""
        self._arms = {arm: DecayingRate(*_FIRST_RATE, _FORGOTTEN, _LONGEST) for arm in arms}
        self._kept: Counter[str] = Counter()

    @property
    def arms(self) -> list[str]:
        """Return the arms that are not exhausted."""
        return list(self._arms)

    def choose(self, random: Random) -> str:
        """Return an arm: first a family by its arms' mean rate, then an arm of it by its own.

        Raises:
            IndexError: all arms are exhausted.
        """
        families: dict[str, list[str]] = {}
        for arm in self._arms:
            families.setdefault(_family(arm), []).append(arm)
        most = max(_FREE, _SHARE * self._kept.total())
        open_ = {name: arms for name, arms in families.items() if self._kept[name] < most} or families
        rates = [sum(self._arms[arm].rate for arm in arms) / len(arms) for arms in open_.values()]
        [arms] = random.choices(list(open_.values()), [rate**_CONTRAST for rate in rates])
        return random.choices(arms, [self._arms[arm].rate ** _CONTRAST for arm in arms])[0]

    def learn(self, arm: str, theorems: int, proofs: int, milliseconds: float) -> None:
        """Record what a draw gave and what it cost. Arms of earlier runs that do not exist any more are left out."""
        self._kept[_family(arm)] += theorems
        if (known := self._arms.get(arm)) is not None:
            known.add(proofs, milliseconds, _DRAWING)

    def drop(self, arm: str) -> None:
        """Leave out an arm that is exhausted."""
        del self._arms[arm]


def _family(arm: str) -> str:
    return arm.partition("/")[0]
