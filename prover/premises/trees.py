"""Shapes of terms (docs/worker-protocol.md) as arrays: concatenated trees, with nodes in reading order."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.integer[Any]]

HOLES = ("_", "?")
"""Prefixes of symbols for holes; `_` stands for an instance in the library, and for anything in a pattern."""
BINDERS = ("p", "q")
"""Function types; their second part is the codomain."""


@dataclass(frozen=True, slots=True)
class TreeNode:
    """The content of a node: a symbol or constant, and the number of its parts."""

    symbol: str
    parts: int
    constant: bool

    @property
    def key(self) -> str:
        """The key in vocabularies."""
        return f"{'' if self.constant else '·'}{self.symbol} {self.parts}"

    @classmethod
    def of(cls, key: str) -> "TreeNode":
        """Return the node with this key."""
        symbol, _, parts = key.rpartition(" ")
        return cls(symbol.removeprefix("·"), int(parts), not symbol.startswith("·"))


def nodes(shape: str, symbols: Sequence[str]) -> list[str]:
    """Return the keys of a shape's nodes, in reading order.

    Args:
        shape: shape as a worker writes it.
        symbols: the constants to which it refers by index.

    Raises:
        ValueError, IndexError: the shape is malformed.
    """
    keys = []
    for word in shape.split():
        symbol, _, parts = word.rpartition(".")
        keys.append(f"{symbols[int(symbol)]} {int(parts)}" if symbol.isdecimal() else f"·{symbol} {int(parts)}")
    return keys


@dataclass(slots=True)
class Vocabulary:
    """Numbering of nodes. New nodes get the next number."""

    keys: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)
    parts: list[int] = field(default_factory=list)
    hashes: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, keys: Iterable[str]) -> "Vocabulary":
        """Return a vocabulary with these nodes."""
        tree = cls()
        for key in keys:
            tree.number(key)
        return tree

    def number(self, key: str) -> int:
        """Return the number of a node; a new node gets one."""
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
    """Trees. Node `i` is the root of the part `i … i + sizes[i]`; parts with equal hashes are treated as equal.

    Attributes:
        starts: start of each tree, and the end of the last.
        tokens: number of each node in the vocabulary.
    """

    starts: Ints
    tokens: Ints
    sizes: Ints
    hashes: Ints

    def __len__(self) -> int:
        """Number of trees."""
        return len(self.starts) - 1

    def part(self, first: int, last: int) -> "Trees":
        """Return the trees of a half-open range."""
        a, b = int(self.starts[first]), int(self.starts[last])
        starts = self.starts[first : last + 1] - a
        return Trees(starts, self.tokens[a:b], self.sizes[a:b], self.hashes[a:b])


def read(shapes: Iterable[list[int]], vocabulary: Vocabulary) -> Trees:
    """Build trees from node numbers in reading order.

    Raises:
        ValueError: the numbers of parts are inconsistent.
    """
    starts, tokens, sizes, hashes = [0], list[int](), list[int](), list[int]()
    parts, own = vocabulary.parts, vocabulary.hashes
    for shape in shapes:
        size, hashed = [1] * len(shape), [0] * len(shape)
        open_: list[int] = []  # parts that are not assigned to a parent yet, in reverse order
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
            raise ValueError("a shape continues after its end")
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
    """Combine a hash with the hash of a further part.

    Sums or exclusive ors alone would let parts cancel each other out.
    """
    value = (value * 0x9E3779B1 + part + 1) & 0xFFFFFFFF
    value = (value ^ value >> 15) * 0x85EBCA77 & 0xFFFFFFFF
    return value ^ value >> 13


def joined(parts: Sequence[Trees]) -> Trees:
    """Concatenate trees."""
    ends = np.cumsum([0, *(int(part.starts[-1]) for part in parts)])
    starts = [part.starts[:-1] + end for part, end in zip(parts, ends[:-1], strict=True)]
    return Trees(
        np.concatenate([*starts, ends[-1:]]).astype(np.int64),
        np.concatenate([part.tokens for part in parts]).astype(np.int32),
        np.concatenate([part.sizes for part in parts]).astype(np.uint16),
        np.concatenate([part.hashes for part in parts]).astype(np.uint32),
    )
