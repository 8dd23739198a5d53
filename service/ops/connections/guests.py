"""Who is connected to one port: no more than there is room for, and no address may take it all.

A connection that comes when it is full takes the place of a connection that has nothing in work: of the same address if that has as
many as it may, else of the address that has most. So idle connections keep no client out, however many one address opens.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from service.ops.config import ServerSettings


class Guest(Protocol):
    """A connection."""

    @property
    def idle(self) -> bool:
        """Whether nothing is in work for it."""
        ...

    def dismiss(self) -> None:
        """Close it at once."""
        ...


class Count(Protocol):
    """A gauge, or a counter."""

    def inc(self, amount: float = 1) -> None:
        """One more."""
        ...


class Gauge(Count, Protocol):
    """What may also fall."""

    def set(self, value: float) -> None:
        """So many."""
        ...


@dataclass(frozen=True, slots=True)
class Tallies:
    """Where it is counted: connections that are open, and those that were turned away or dismissed for others."""

    opened: Gauge
    refused: Count


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """Most connections in all, and of one address."""

    most: int
    each: int

    @classmethod
    def of(cls, settings: ServerSettings, descriptors: int) -> "ConnectionBounds":
        """As the settings say, but no more than half of the descriptors that a process may have."""
        most = max(16, min(settings.connections, descriptors // 2))
        return cls(most, min(settings.connections_each, most))


PROBES = ConnectionBounds(128, 32)
"""Bounds of the port for probes and Prometheus."""


@dataclass(slots=True)
class Guests:
    """The connections to one port."""

    room: ConnectionBounds
    tallies: Tallies
    _by_address: dict[str, dict[int, Guest]] = field(default_factory=dict)  # in the order in which they came
    _count: int = 0

    def enter(self, host: str, guest: Guest) -> bool:
        """Let one in; False if there is no place, and no idle connection to close."""
        address = grouped(host)
        own = self._by_address.get(address, {})
        if len(own) >= self.room.each:
            full: Iterable[Guest] = own.values()
        elif self._count >= self.room.most:
            full = max(self._by_address.values(), key=len).values()
        else:
            full = ()
        if full:
            self.tallies.refused.inc()
            if (idle := next((each for each in full if each.idle), None)) is None:
                return False
            idle.dismiss()
            self.leave_all(idle)
        self._by_address.setdefault(address, {})[id(guest)] = guest
        self._changed(1)
        return True

    def leave(self, host: str, guest: Guest) -> None:
        """It is closed; nothing happens if it was counted out already."""
        address = grouped(host)
        own = self._by_address.get(address, {})
        if own.pop(id(guest), None) is not None:
            self._changed(-1)
            if not own:
                del self._by_address[address]

    def leave_all(self, guest: Guest) -> None:
        """As `leave`, wherever it came from."""
        for address in list(self._by_address):
            self.leave(address, guest)

    def _changed(self, more: int) -> None:
        self._count += more
        self.tallies.opened.set(self._count)


def grouped(host: str) -> str:
    """What counts as one address: of IPv6 the 64 bits of a network, as one machine has all the others."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a name given by a test, or a Unix socket
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), 64), strict=False).network_address)
    return host
