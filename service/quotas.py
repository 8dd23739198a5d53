"""What each client may take: calls at once, calls a minute, samples and checking time an hour.

Allowances are token buckets: full at the start, refilled evenly. What a call will take is not known when it comes in, so
it is let in while anything is left and charged as it spends; what it overdraws is waited for before the next.
"""

import contextlib
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from service.config import ClientSettings
from service.requests import BusyError
from service.security.identity import Identity, Quota

_MOST_CLIENTS = 10_000  # remembered; who has been idle longest is forgotten first
_MINUTE, _HOUR = 60.0, 3600.0
_WHEN_A_CALL_ENDS_SECONDS = 1.0  # a guess


class QuotaError(BusyError):
    """The client has taken what it may; more after `seconds`."""


class Allowance:
    """So much of something in each period."""

    def __init__(self, most: float, period: float, clock: Callable[[], float]) -> None:
        """All of it is left."""
        self.most = most
        self._rate = most / period
        self._clock = clock
        self._left = most
        self._at = clock()

    @property
    def left(self) -> float:
        """What is left now; negative if it was overdrawn."""
        now = self._clock()
        self._left = min(self.most, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left

    def take(self, amount: float) -> None:
        """Take this much, even if so much is not left."""
        self._left = self.left - amount

    def wait(self, amount: float) -> float:
        """Seconds until this much is left."""
        return max(0.0, (min(amount, self.most) - self.left) / self._rate)


@dataclass(slots=True)
class Account:
    """What one client takes; None: without a bound."""

    calls: int
    calls_per_minute: Allowance | None
    samples_per_hour: Allowance | None
    lean_seconds_per_hour: Allowance | None
    in_work: int = field(default=0, init=False)

    def spend(self, samples: int = 0, lean_seconds: float = 0.0) -> None:
        """Charge what a call has spent."""
        if self.samples_per_hour and samples:
            self.samples_per_hour.take(samples)
        if self.lean_seconds_per_hour and lean_seconds:
            self.lean_seconds_per_hour.take(lean_seconds)


ACCOUNT: ContextVar[Account | None] = ContextVar("account", default=None)
"""Whom the work of this task is charged to; None: nobody."""


class Quotas:
    """The accounts of all clients."""

    def __init__(self, settings: ClientSettings, clock: Callable[[], float] = time.monotonic) -> None:
        """Every client gets what `settings` say, unless its identity says otherwise.

        Args:
            clock: seconds.
        """
        self._settings = settings
        self._clock = clock
        self._accounts: dict[tuple[str, Quota], Account] = {}

    @contextlib.contextmanager
    def admitting(self, client: Identity) -> Iterator[Account]:
        """Let one call of `client` in, for as long as the context lasts.

        Raises:
            QuotaError: the client has taken what it may.
        """
        account = self._account(client)
        if account.in_work >= account.calls:
            text = f"{client.name} has {account.in_work} calls in work, as many as it may; try again when one has ended"
            raise QuotaError(text, _WHEN_A_CALL_ENDS_SECONDS)
        for allowance, least, what in (
            (account.calls_per_minute, 1.0, "calls a minute"),
            (account.samples_per_hour, 1.0, "samples an hour"),
            (account.lean_seconds_per_hour, 0.1, "seconds of checking an hour"),
        ):
            if allowance and allowance.wait(least) > 0:
                wait = allowance.wait(least)
                raise QuotaError(
                    f"{client.name} has spent its {allowance.most:g} {what}; try again in {wait:.1f} s", wait
                )
        if account.calls_per_minute:
            account.calls_per_minute.take(1)
        account.in_work += 1
        try:
            yield account
        finally:
            account.in_work -= 1

    def _account(self, client: Identity) -> Account:
        key = (client.name, client.quota)
        account = self._accounts.pop(key, None) or self._new_account(client.quota)
        self._accounts[key] = account  # the one used last stands last
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
