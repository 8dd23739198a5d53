"""Shapes of terms (docs/worker-protocol.md) as arrays: many trees one after the other, their nodes in reading order."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]

HOLES = ("_", "?")
"""How symbols of holes begin; `_` stands for an instance in the library, for anything in a pattern."""
BINDERS = ("p", "q")
"""Function types: what they lead to is their second part."""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """What stands at a node: a symbol, or a constant, and how many parts follow."""

    symbol: str
    parts: int
    constant: bool

    @property
    def key(self) -> str:
        """As vocabularies keep it."""
        return f"{'' if self.constant else '·'}{self.symbol} {self.parts}"

    @classmethod
    def of(cls, key: str) -> "TreeNode":
        """The node with this key."""
        symbol, _, parts = key.rpartition(" ")
        return cls(symbol.removeprefix("·"), int(parts), not symbol.startswith("·"))


def nodes(shape: str, symbols: Sequence[str]) -> list[str]:
    """The keys of a shape's nodes, in reading order.

    Args:
        shape: as a worker wrote it.
        symbols: the constants that it names by their places.

    Raises:
        ValueError, IndexError: it is no shape.
    """
    keys = []
    for word in shape.split():
        symbol, _, parts = word.rpartition(".")
        keys.append(f"{symbols[int(symbol)]} {int(parts)}" if symbol.isdecimal() else f"·{symbol} {int(parts)}")
    return keys


@dataclass(slots=True)
class Vocabulary:
    """Nodes by number. Numbers are given as nodes come."""

    keys: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    parts: list[int] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, keys: Iterable[str]) -> "Vocabulary":
        """A vocabulary with these nodes."""
        made = cls()
        for key in keys:
            made.number(key)
        return made

    def number(self, key: str) -> int:
        """The number of a node, which it is given if it has none."""
        known = self.numbers.get(key)
        if known is not None:
            return known
        self.numbers[key] = len(self.keys)
        self.keys.append(key)
        self.parts.append(int(key.rpartition(" ")[2]))
        self.hashes.append(int.from_bytes(hashlib.blake2b(key.encode(), digest_size=4).digest()))
        return len(self.keys) - 1


@dataclass(frozen=True, slots=True)
class Trees:
    """Some trees. Node `i` begins the part `i … i + sizes[i]`; parts with the same hash are taken for the same.

    Attributes:
        starts: where each tree begins, and at last where all end.
        tokens: the number of each node in the vocabulary.
    """

    starts: Ints
    tokens: Ints
    sizes: Ints
    hashes: Ints

    def __len__(self) -> int:
        """How many there are."""
        return len(self.starts) - 1

    def part(self, first: int, last: int) -> "Trees":
        """The trees from one up to, but not with, another."""
        a, b = int(self.starts[first]), int(self.starts[last])
        starts = self.starts[first : last + 1] - a
        return Trees(starts, self.tokens[a:b], self.sizes[a:b], self.hashes[a:b])


def read(shapes: Iterable[list[int]], vocabulary: Vocabulary) -> Trees:
    """Trees of nodes, given by their numbers in reading order.

    Raises:
        ValueError: the numbers of parts do not fit together.
    """
    starts, tokens, sizes, hashes = [0], list[int](), list[int](), list[int]()
    parts, own = vocabulary.parts, vocabulary.hashes
    for shape in shapes:
        size, hashed = [1] * len(shape), [0] * len(shape)
        open_: list[int] = []  # parts that nothing has taken yet, the first last
        for at in range(len(shape) - 1, -1, -1):
            token = shape[at]
            value = own[token]
            if len(open_) < parts[token]:
                raise ValueError("a shape ends too early")
            for _ in range(parts[token]):
                child = open_.pop()
                size[at] += size[child]
                value = _mixed(value, hashed[child])
            hashed[at] = value
            open_.append(at)
        if len(open_) > 1:
            raise ValueError("a shape goes on behind its end")
        tokens += shape
        sizes += size
        hashes += hashed
        starts.append(len(tokens))
    return Trees(
        np.array(starts, np.int64),
        np.array(tokens, np.int32),
        np.array(sizes, np.uint16),
        np.array(hashes, np.uint32),
    )


def _mixed(value: int, part: int) -> int:
    """The hash of something with one more part. Sums and exclusive ors alone would let parts cancel each other out."""
    value = (value * 0x9E3779B1 + part + 1) & 0xFFFFFFFF
    value = (value ^ value >> 15) * 0x85EBCA77 & 0xFFFFFFFF
    return value ^ value >> 13


def joined(parts: Sequence[Trees]) -> Trees:
    """All trees, one after the other."""
    ends = np.cumsum([0, *(int(part.starts[-1]) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return Trees(
        np.concatenate([*starts, ends[-1:]]).astype(np.int64),
        np.concatenate([part.tokens for part in parts]).astype(np.int32),
        np.concatenate([part.sizes for part in parts]).astype(np.uint16),
        np.concatenate([part.hashes for part in parts]).astype(np.uint32),
    )
