"""Connections to one port, limited in total and by address.

When the port is full, a new connection replaces an idle one: of the same address if that is at its limit, otherwise of
the address with the most. So idle connections never exclude a client, however many one address opens.
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
        """Whether no request of it is in progress."""
        ...

    def dismiss(self) -> None:
        """Close it at once."""
        ...


class Count(Protocol):
    """A gauge or a counter."""

    def inc(self, amount: float = 1) -> None:
        """Add one."""
        ...


class Gauge(Count, Protocol):
    """A metric that may also decrease."""

    def set(self, value: float) -> None:
        """Set the value."""
        ...


@dataclass(frozen=True, slots=True)
class Tallies:
    """Metrics of connections: those open, and those refused or closed in favour of others."""

    opened: Gauge
    refused: Count


@dataclass(frozen=True, slots=True)
class ConnectionBounds:
    """Maximum number of connections in total, and from one address."""

    most: int
    each: int

    @classmethod
    def of(cls, settings: ServerSettings, descriptors: int) -> "ConnectionBounds":
        """Return the limits of the settings, but at most half of the process's descriptors."""
        most = max(16, min(settings.connections, descriptors // 2))
        return cls(most, min(settings.connections_each, most))


PROBES = ConnectionBounds(128, 32)
"""Limits of the port for probes and Prometheus."""


@dataclass(slots=True)
class Guests:
    """The connections to one port."""

    room: ConnectionBounds
    tallies: Tallies
    _by_address: dict[str, dict[int, Guest]] = field(default_factory=dict)  # in order of arrival
    _count: int = 0

    def enter(self, host: str, guest: Guest) -> bool:
        """Admit a connection; False if there is no place, and no idle connection to close."""
        address = grouped(host)
        guests = self._by_address.get(address, {})
        if len(guests) >= self.room.each:
            full: Iterable[Guest] = guests.values()
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
        """Count a closed connection; no effect if it was counted before."""
        address = grouped(host)
        guests = self._by_address.get(address, {})
        if guests.pop(id(guest), None) is not None:
            self._changed(-1)
            if not guests:
                del self._by_address[address]

    def leave_all(self, guest: Guest) -> None:
        """Count as `leave` does, for any address."""
        for address in list(self._by_address):
            self.leave(address, guest)

    def _changed(self, more: int) -> None:
        self._count += more
        self.tallies.opened.set(self._count)


def grouped(host: str) -> str:
    """Return the group that counts as one address: for IPv6 the network of 64 bits, which one machine controls."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:  # a name from a test, or a Unix socket
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((int(address), 64), strict=False).network_address)
    return host
