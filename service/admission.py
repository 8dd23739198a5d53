"""Who is let in: requests within the server's bounds, and no more searches at once than it carries."""

import contextlib
from collections.abc import Iterator

from prover.lean.jobs import Priority
from prover.search import Budget
from prover.verdict import Limits
from service.config import Settings
from service.errors import InputError
from service.requests import Bounds, BusyError


def bounds(settings: Settings) -> tuple[Bounds, Bounds]:
    """What requests get if they do not say, and the most they may ask for."""
    check, search = settings.check, settings.search
    default = Bounds(
        Limits(check.seconds, check.heartbeats, check.recursion),
        Budget(search.samples, None, search.seconds, search.proofs),
    )
    maximum = Bounds(
        Limits(check.maximum_seconds, check.maximum_heartbeats, check.maximum_recursion),
        Budget(search.maximum_samples, None, search.maximum_seconds, search.maximum_proofs),
    )
    return default, maximum


def admit_limits(wanted: Limits, most: Limits) -> None:
    """Raise InputError unless these limits are positive and within bounds."""
    _within("limits.time", wanted.seconds, most.seconds, " s")
    _within("limits.heartbeats", wanted.heartbeats, most.heartbeats)
    _within("limits.recursion", wanted.recursion, most.recursion)


def admit_budget(wanted: Budget, most: Budget) -> None:
    """Raise InputError unless this budget is positive and within bounds."""
    _within("budget.samples", wanted.samples, most.samples)
    _within("budget.proofs", wanted.proofs, most.proofs)
    _within("budget.time", wanted.seconds, most.seconds, " s")
    if wanted.checks is not None:
        _within("budget.checks", wanted.checks, most.samples)


def admit_seconds(field: str, wanted: float, most: float) -> None:
    """Raise InputError unless this time is positive and within bounds."""
    _within(field, wanted, most, " s")


class Room:
    """Room for so many calls at once; of what is not urgent, for no more than three quarters of them."""

    def __init__(self, most: int) -> None:
        """Nobody is in."""
        self._most = most
        self._most_batch = max(1, most * 3 // 4)
        self._taken = 0

    @contextlib.contextmanager
    def taking_one(self, priority: Priority) -> Iterator[None]:
        """Take a place for as long as the context lasts.

        Raises:
            BusyError: all are taken.
        """
        if self._taken >= (self._most if priority is Priority.INTERACTIVE else self._most_batch):
            raise BusyError(f"{self._taken} calls are in work, as many as this server takes; try again later")
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1


def _within(field: str, wanted: float, most: float, unit: str = "") -> None:
    if not 0 < wanted <= most:
        raise InputError(
            field, f"{field} is {wanted:g}{unit}; this server takes more than 0 and at most {most:g}{unit}"
        )
