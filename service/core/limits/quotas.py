"""What each client may take: calls at once, calls a minute, samples and checking time an hour.

What a call will take is not known when it comes in, so it is let in while anything is left and charged as it spends;
what it overdraws is waited for before the next. A theorem of a batch is to its client what a call is.
"""

import contextlib
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field

from prover.allowance import Allowance
from prover.lean.workers.jobs import CHARGE
from prover.requests import BusyError, Event
from prover.search.search import Finished, Progress
from service.auth.identity import Identity, Quota
from service.ops.config import ClientSettings

_MOST_CLIENTS = 10_000  # remembered; who has been idle longest is forgotten first
_MINUTE, _HOUR = 60.0, 3600.0
_WHEN_A_CALL_ENDS_SECONDS = 1.0  # a guess


class QuotaError(BusyError):
    """The client has taken what it may; more after `seconds`."""


@dataclass(slots=True)
class Account:
    """What one client takes; None: without a bound."""

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
        """Charge what was spent."""
        if self.samples_per_hour and samples:
            self.samples_per_hour.take(samples)
        if self.lean_seconds_per_hour and lean_seconds:
            self.lean_seconds_per_hour.take(lean_seconds)

    def wait(self) -> float:
        """Seconds until there are samples and checking time left."""
        return max((allowance.wait(least) for allowance, least, _ in self._bounds()), default=0.0)

    def refuse(self, client: str) -> None:
        """Raise QuotaError if nothing is left of something."""
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
    """Charge them to the account that is active in this task, if any."""
    if (account := _ACCOUNT.get()) is not None:
        account.spend(samples=samples)


async def charged(events: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    """Pass the events of a search on, its samples charged as they come."""
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
        account = self.account(client)
        if account.in_work >= account.calls:
            text = f"{client.name} has {account.in_work} calls in work, as many as it may; try again when one has ended"
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
        """What `client` has taken."""
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
