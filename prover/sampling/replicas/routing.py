"""Which replica gets a request: those whose prompts begin alike go to one, as long as it has not much more than its share."""

import hashlib
import math
from collections.abc import Mapping

_TOGETHER = 8
"""Requests that one replica may have before it is asked whether it has more than its share: so many are read at once for little
more than one costs."""
_UNEVEN = 1.25  # how many times its share a replica may have


def choose(family: str, loads: Mapping[int, int]) -> int:
    """The replica for a request.

    Each family has an order of its own of all replicas, which stays as it is when replicas come and go (rendezvous hashing): what
    a replica has read of a family is of use as long as it is there. The first one in that order which is not overloaded is
    taken (consistent hashing with bounded loads).

    Args:
        family: what requests share whose prompts begin alike.
        loads: requests in work of each replica, by its number; at least one.
    """
    most = max(_TOGETHER, math.ceil(_UNEVEN * (sum(loads.values()) + 1) / len(loads)))
    return max((number for number, load in loads.items() if load < most), key=lambda number: _rank(family, number))


def _rank(family: str, number: int) -> bytes:
    return hashlib.blake2b(f"{number} {family}".encode(), digest_size=8).digest()
