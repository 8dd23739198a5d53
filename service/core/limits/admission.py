"""Admission: limits of requests, quotas of clients, and the number of requests in progress."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from prover.concurrency.allowance import Allowance
from prover.errors import InputError
from prover.lean.workers.jobs import CHARGE, Priority
from prover.options import Budget
from prover.requests import Bounds, BusyError, Event
from prover.search.search import Finished, Progress
from prover.verdict import Limits
from service.auth.identity import Identity, Quota
from service.ops.config import ClientSettings, Settings


def bounds(settings: Settings) -> tuple[Bounds, Bounds]:
    """Return the default and the maximal limits of requests."""
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
    """Raise InputError unless these limits are positive and within the maximum."""
    _within("limits.timeout", wanted.seconds, most.seconds, " s")
    _within("limits.heartbeats", wanted.heartbeats, most.heartbeats)
    _within("limits.recursion", wanted.recursion, most.recursion)


def admit_budget(wanted: Budget, most: Budget) -> None:
    """Raise InputError unless this budget is positive and within the maximum."""
    _within("budget.samples", wanted.samples, most.samples)
    _within("budget.proofs", wanted.proofs, most.proofs)
    _within("budget.timeout", wanted.seconds, most.seconds, " s")
    if wanted.checks is not None:
        _within("budget.checks", wanted.checks, most.samples)


def admit_seconds(field: str, wanted: float, most: float) -> None:
    """Raise InputError unless this time is positive and within the maximum."""
    _within(field, wanted, most, " s")


class Room:
    """Limits concurrent work; batch work gets at most three quarters of the places.

    A call that gets no place in time is told when to retry. These times are staggered at the rate at which places
    become free, so that hundreds of refused calls do not all return at once.

    Attributes:
        most: number of places.
    """

    def __init__(self, most: int, patience_seconds: float = 0.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Create the places, all free.

        Args:
            patience_seconds: time limit of waiting for a place.
            clock: returns the current time in seconds.
        """
        self.most = most
        self._patience_seconds = patience_seconds
        self._clock = clock
        self._places = asyncio.Semaphore(most)
        self._batch_share = asyncio.Semaphore(max(1, most * 3 // 4))
        self._held_seconds = 1.0  # moving average of the time that a place is held
        self._next_turn = 0.0

    @contextlib.asynccontextmanager
    async def acquire(self, priority: Priority) -> AsyncIterator[None]:
        """Hold a place for the duration of the context.

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
                    f"this server is at capacity; try again later, in about {seconds:.0f} s", seconds
                ) from None
            began = self._clock()
            try:
                yield
            finally:
                self._held_seconds += 0.1 * (self._clock() - began - self._held_seconds)

    def _turn(self) -> float:
        """Return the seconds until one more refused call should retry."""
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


_MOST_CLIENTS = 10_000  # remembered; the longest idle are dropped first
_MINUTE, _HOUR = 60.0, 3600.0
_WHEN_A_CALL_ENDS_SECONDS = 1.0  # an estimate


class QuotaError(BusyError):
    """The client's quota is used up; retry after `seconds`."""


@dataclass(slots=True)
class Account:
    """Usage of one client; None: unlimited."""

    calls: int
    calls_per_minute: Allowance | None
    samples_per_hour: Allowance | None
    lean_seconds_per_hour: Allowance | None
    in_work: int = field(default=0, init=False)

    def activate(self) -> None:
        """Charge this account for work of the current task and its children."""
        _ACCOUNT.set(self)
        CHARGE.set(lambda seconds: self.spend(lean_seconds=seconds))

    def spend(self, samples: int = 0, lean_seconds: float = 0.0) -> None:
        """Charge an amount."""
        if self.samples_per_hour and samples:
            self.samples_per_hour.take(samples)
        if self.lean_seconds_per_hour and lean_seconds:
            self.lean_seconds_per_hour.take(lean_seconds)

    def wait(self) -> float:
        """Return the seconds until samples and checking time are available."""
        return max((allowance.wait(least) for allowance, least, _ in self._bounds()), default=0.0)

    def refuse(self, client: str) -> None:
        """Raise QuotaError if a quota is used up."""
        for allowance, least, what in self._bounds(self.calls_per_minute):
            if wait := allowance.wait(least):
                raise QuotaError(f"{client} has spent its {allowance.most:g} {what}; try again in {wait:.1f} s", wait)

    def _bounds(self, calls: Allowance | None = None) -> Iterator[tuple[Allowance, float, str]]:
        for allowance, least, what in (
            (calls, 1.0, "calls a minute"),
            (self.samples_per_hour, 1.0, "samples an hour"),
            (self.lean_seconds_per_hour, 0.1, "seconds of checking an hour"),
        ):
            if allowance:
                yield allowance, least, what


_ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)


def charge_samples(samples: int) -> None:
    """Charge samples to the account that is active in this task, if any."""
    if (account := _ACCOUNT.get()) is not None:
        account.spend(samples=samples)


async def charged(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Pass on the events of a search and charge its samples as they arrive."""
    sampled = 0
    async with contextlib.aclosing(events):
        async for event in events:
            spent = event.spent if isinstance(event, Finished) else event
            if isinstance(spent, Progress):
                charge_samples(spent.sampled - sampled)
                sampled = spent.sampled
            yield event


class Quotas:
    """The accounts of all clients."""

    def __init__(self, settings: ClientSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Give every client the quotas in `settings`, unless its identity has others.

        Args:
            clock: returns the current time in seconds.
        """
        self._settings = settings
        self._clock = clock
        self._accounts: dict[tuple[str, Quota], Account] = {}

    @contextlib.contextmanager
    def admitting(self, client: Identity) -> Iterator[Account]:
        """Admit one call of `client` for the duration of the context.

        Raises:
            QuotaError: the client's quota is used up.
        """
        account = self.account(client)
        if account.in_work >= account.calls:
            text = f"{client.name} has {account.in_work} running calls, its maximum; try again when one has ended"
            raise QuotaError(text, _WHEN_A_CALL_ENDS_SECONDS)
        account.refuse(client.name)
        if account.calls_per_minute:
            account.calls_per_minute.take(1)
        account.in_work += 1
        try:
            yield account
        finally:
            account.in_work -= 1

    def account(self, client: Identity) -> Account:
        """Return the account of `client`."""
        key = (client.name, client.quota)
        account = self._accounts.pop(key, None) or self._new_account(client.quota)
        self._accounts[key] = account  # kept in order of last use
        if len(self._accounts) > _MOST_CLIENTS:
            idle = (name for name, account in self._accounts.items() if not account.in_work and name != key)
            if (oldest := next(idle, None)) is not None:
                del self._accounts[oldest]
        return account

    def _new_account(self, quota: Quota) -> Account:
        settings = self._settings

        def allowance(own: float | None, default: float | None, period: float) -> Allowance | None:
            most = default if own is None else own
            return None if most is None else Allowance(most, period, self._clock)

        return Account(
            settings.calls if quota.calls is None else quota.calls,
            allowance(quota.calls_per_minute, settings.calls_per_minute, _MINUTE),
            allowance(quota.samples_per_hour, settings.samples_per_hour, _HOUR),
            allowance(quota.lean_seconds_per_hour, settings.lean_seconds_per_hour, _HOUR),
        )
