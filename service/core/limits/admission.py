"""Who is let in: requests within the server's bounds, and no more of them at once than it answers in good time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from prover.errors import InputError
from prover.lean.workers.jobs import Priority
from prover.options import Budget
from prover.requests import Bounds, BusyError
from prover.verdict import Limits
from service.ops.config import Settings


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
    _within("limits.timeout", wanted.seconds, most.seconds, " s")
    _within("limits.heartbeats", wanted.heartbeats, most.heartbeats)
    _within("limits.recursion", wanted.recursion, most.recursion)


def admit_budget(wanted: Budget, most: Budget) -> None:
    """Raise InputError unless this budget is positive and within bounds."""
    _within("budget.samples", wanted.samples, most.samples)
    _within("budget.proofs", wanted.proofs, most.proofs)
    _within("budget.timeout", wanted.seconds, most.seconds, " s")
    if wanted.checks is not None:
        _within("budget.checks", wanted.checks, most.samples)


def admit_seconds(field: str, wanted: float, most: float) -> None:
    """Raise InputError unless this time is positive and within bounds."""
    _within(field, wanted, most, " s")


class Room:
    """Places for what is in work at once; for what is not urgent, no more than three quarters of them.

    A call that finds none free in time is told when to retry: one after the other, at the pace at which places become
    free, so that hundreds who were refused do not keep the server busy with refusing them.

    Attributes:
        most: places there are.
    """

    def __init__(self, most: int, patience_seconds: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        """All places are free.

        Args:
            patience_seconds: how long a place is waited for.
            clock: seconds.
        """
        self.most = most
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._places = asyncio.Semaphore(most)
        self._batch_share = asyncio.Semaphore(max(1, most * 3 // 4))
        self._held_seconds = 1.0  # a place, on a moving average
        self._next_turn = 0.0

    @contextlib.asynccontextmanager
    async def acquire(self, priority: Priority) -> AsyncIterator[None]:
        """Take a place for as long as the context lasts.

        Raises:
            BusyError: none became free in time.
        """
        async with contextlib.AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(self._patience_seconds):
                    if priority is not Priority.INTERACTIVE:
                        await stack.enter_async_context(self._batch_share)
                    await stack.enter_async_context(self._places)
            except TimeoutError:
                seconds = self._turn()
                raise BusyError(
                    f"this server has as much in work as it takes; try again later, in about {seconds:.0f} s", seconds
                ) from None
            began = self._clock()
            try:
                yield
            finally:
                self._held_seconds += 0.1 * (self._clock() - began - self._held_seconds)

    def _turn(self) -> float:
        """Seconds until it is the turn of one more who was refused."""
        now = self._clock()
        turn = max(now, self._next_turn) + self._held_seconds / self.most
        self._next_turn = min(turn, now + _LONGEST_DELAY_SECONDS)
        return max(_SHORTEST_DELAY_SECONDS, self._next_turn - now)


_SHORTEST_DELAY_SECONDS, _LONGEST_DELAY_SECONDS = 1.0, 30.0


def _within(field: str, wanted: float, most: float, unit: str = "") -> None:
    if not 0 < wanted <= most:
        raise InputError(
            field, f"{field} is {wanted:g}{unit}; this server takes more than 0 and at most {most:g}{unit}"
        )
