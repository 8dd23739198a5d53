"""Connections to gRPC's port, counted and limited from outside, because its library accepts them without reporting
them.

The library limits the total and closes silent connections; this module checks the number per address once a second.
"""

import asyncio
import contextlib
import itertools
import os
import socket
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import structlog

from service.ops.connections.guests import ConnectionBounds, Tallies, grouped

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0
_DESCRIPTORS = Path("/proc/self/fd")


async def watch(address: str, room: ConnectionBounds, tallies: Tallies) -> None:
    """Close connections of any address beyond its limit, the newest first, until this task is cancelled.

    Args:
        address: gRPC's address with its actual port; connections to a Unix socket are not limited.
        room: limits.
        tallies: counts connections.
    """
    if address.startswith("unix:"):
        return
    port = int(address.rpartition(":")[2])
    known: dict[tuple[str, int], int] = {}  # order of arrival, by their remote ends
    numbers = itertools.count()
    while True:
        closed = await asyncio.to_thread(_look, port, room, tallies, known, numbers)
        if closed:
            _log.warning("connections of one address were closed: it had more than its share", closed=closed)
        await asyncio.sleep(_LOOK_SECONDS)


def _look(
    port: int, room: ConnectionBounds, tallies: Tallies, known: dict[tuple[str, int], int], numbers: Iterator[int]
) -> int:
    """Check once; returns the number of closed connections."""
    if not _DESCRIPTORS.is_dir():  # not Linux
        return 0
    found: dict[tuple[str, int], int] = {}
    by_address: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name in os.listdir(_DESCRIPTORS):
        if (other := _other_end(int(name), port)) is not None:
            found[other] = int(name)
            by_address[grouped(other[0])].append(other)
    for removed in known.keys() - found.keys():
        del known[removed]
    for other in found:
        if other not in known:
            known[other] = next(numbers)
    tallies.opened.set(len(found))
    beyond = [other for ends in by_address.values() for other in sorted(ends, key=lambda end: known[end])[room.each :]]
    for other in beyond:
        _close(found[other], port, other)
        tallies.refused.inc()
    return len(beyond)


def _other_end(descriptor: int, port: int) -> tuple[str, int] | None:
    """Return the remote address, if this descriptor is a connection to `port`."""
    with contextlib.suppress(OSError), _copy(descriptor) as connection:
        if connection.family in (socket.AF_INET, socket.AF_INET6) and connection.getsockname()[1] == port:
            host, other_port = connection.getpeername()[:2]
            return str(host), int(other_port)
    return None


def _close(descriptor: int, port: int, other: tuple[str, int]) -> None:
    """Shut the connection down, if the descriptor still is that connection: gRPC notices, and closes it."""
    with contextlib.suppress(OSError):
        if _other_end(descriptor, port) == other:
            with _copy(descriptor) as connection:
                connection.shutdown(socket.SHUT_RDWR)


def _copy(descriptor: int) -> socket.socket:
    """Return a duplicate socket of the same connection, which may be closed. Raises OSError if it is not a socket."""
    copy = os.dup(descriptor)
    try:
        return socket.socket(fileno=copy)
    except OSError:
        os.close(copy)
        raise
