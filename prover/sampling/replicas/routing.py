"""Chooses the replica for a request: requests with a common prefix share a replica unless it is overloaded."""

import hashlib
import math
from collections.abc import Mapping

_TOGETHER = 8
"""Number of requests that a replica may have before it can count as overloaded: a batch of so many costs little more
than one.
"""
_UNEVEN = 1.25  # factor above the mean load at which a replica counts as overloaded


def choose(family: str, loads: Mapping[int, int]) -> int:
    """Return the replica for a request.

    Each family has its own order of replicas, which is stable when replicas come and go (rendezvous hashing), so that a
    replica's prefix cache stays useful. The first replica in this order that is not overloaded is chosen (consistent
    hashing with bounded loads).

    Args:
        family: key that requests with a common prefix share.
        loads: requests in progress of each replica, by its number; at least one.
    """
    most = max(_TOGETHER, math.ceil(_UNEVEN * (sum(loads.values()) + 1) / len(loads)))
    return max((number for number, load in loads.items() if load < most), key=lambda number: _rank(family, number))


def _rank(family: str, number: int) -> bytes:
    return hashlib.blake2b(f"{number} {family}".encode(), digest_size=8).digest()
