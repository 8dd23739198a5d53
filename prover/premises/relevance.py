"""Relevance of declarations to a goal by shared features: constants in their types and words in their names, rare ones
weighted most.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.premises.trees import Ints, TreeNode, Trees, Vocabulary

Floats = NDArray[np.floating[Any]]

_PAIR = "{outer} > {place} > {inner}"
_PAIRS = 0.5  # weight of a pair of constants relative to a constant
_NAMES = 0.5  # weight of names relative to types
_WORD = re.compile(r"[A-Z]?[a-z0-9']+|[A-Z]+(?![a-z])")


@dataclass(frozen=True)
class Relevance:
    """Features of declarations and their weights.

    Attributes:
        numbers: numbers of features.
        weights: logarithm of the inverse share of declarations that have the feature.
        starts, having: declarations with each feature: `having[starts[f]:starts[f + 1]]`.
        lengths: norm of each declaration's weighted feature vector.
    """

    numbers: dict[str, int]
    weights: Floats
    starts: Ints
    having: Ints
    lengths: Floats

    @classmethod
    def of(cls, features: Iterable[tuple[int, Collection[str]]], count: int) -> "Relevance":
        """Build from some of `count` declarations, by number, each with its features."""
        numbers: dict[str, int] = {}
        flat: list[int] = []
        counts = np.zeros(count, np.int64)
        some = 0
        for one, found in features:
            flat += [numbers.setdefault(feature, len(numbers)) for feature in found]
            counts[one] = len(found)
            some += 1
        of_each, owner = np.array(flat, np.int64), np.repeat(np.arange(count), counts)
        frequency = np.bincount(of_each, minlength=len(numbers))
        weights = np.log1p(some / np.maximum(frequency, 1))
        lengths = np.sqrt(np.bincount(owner, weights[of_each] ** 2, minlength=count))
        order = np.argsort(of_each, kind="stable")
        starts = np.concatenate([[0], np.cumsum(frequency)])
        return cls(numbers, weights, starts, owner[order], lengths)

    def scores(self, asked: Mapping[str, float]) -> Floats:
        """Return the similarity of each declaration to weighted features, from 0 to 1."""
        scores = np.zeros(len(self.lengths))
        norm = 0.0
        for feature, weight in asked.items():
            number = self.numbers.get(feature)
            if number is None:
                continue
            part = float(self.weights[number])
            norm += (weight * part) ** 2
            scores[self.having[self.starts[number] : self.starts[number + 1]]] += weight * part * part
        relative: Floats = scores / np.maximum(self.lengths, 1.0) / max(norm, 1.0) ** 0.5
        return relative


def by_type(vocabulary: Vocabulary, trees: Trees, among: Ints) -> Relevance:
    """Build from types: the declarations `among` all, whose types are `trees`."""
    nodes = [TreeNode.of(key) for key in vocabulary.keys]
    # In order of occurrence, so that equal libraries give equal files.
    features = ((one, dict.fromkeys(_features(nodes, trees, one))) for one in among.tolist())
    return Relevance.of(features, len(trees))


def by_name(names: Sequence[str], among: Ints) -> Relevance:
    """Build from words of names, for the declarations `among` all."""
    return Relevance.of(((one, dict.fromkeys(_words(names[one]))) for one in among.tolist()), len(names))


def scores(types: Relevance, names: Relevance, vocabulary: Vocabulary, goal: Trees) -> Floats:
    """Return the relevance of each declaration to a goal.

    Args:
        types, names: results of `by_type` and `by_name`.
        vocabulary: vocabulary of the goal's nodes.
        goal: a single tree.
    """
    nodes = [TreeNode.of(key) for key in vocabulary.keys]
    mentioned = dict.fromkeys(node.symbol for node in nodes if node.constant)
    asked = {feature: 1.0 if feature in mentioned else _PAIRS for feature in _features(nodes, goal, 0)}
    words = dict.fromkeys((word for symbol in mentioned for word in _words(symbol)), 1.0)
    found: Floats = types.scores(asked) + _NAMES * names.scores(words)
    return found


def _features(nodes: Sequence[TreeNode], trees: Trees, one: int) -> Iterator[str]:
    """Return the features of a tree: constants, and pairs of a constant and the constant at one of its argument
    positions.
    """
    for at in range(int(trees.starts[one]), int(trees.starts[one + 1])):
        node = nodes[trees.tokens[at]]
        if not node.constant:
            continue
        yield node.symbol
        child = at + 1
        for place in range(node.parts):
            inner = nodes[trees.tokens[child]]
            if inner.constant:
                yield _PAIR.format(outer=node.symbol, place=place, inner=inner.symbol)
            child += int(trees.sizes[child])


def _words(name: str) -> Iterator[str]:
    """Split a name: `list`, `map`, `append` for `List.map_append`."""
    return (word.lower() for word in _WORD.findall(name.replace("_", " ")))
