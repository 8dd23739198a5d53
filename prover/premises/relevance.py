"""Which declarations have most in common with a goal: rare constants, and rare pairs of them, count most."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from prover.premises.trees import Ints, TreeNode, Trees, Vocabulary

Floats = NDArray[np.floating[Any]]

_PAIR = "{outer} > {place} > {inner}"
_HYPOTHESES = 0.5  # what a hypothesis of the goal mentions, against what its conclusion does


@dataclass(frozen=True)
class Relevance:
    """Features of declarations: which they have, and how rare each is.

    Attributes:
        numbers: of features.
        weights: how much each counts: the logarithm of one over the share of declarations that have it.
        starts, having: the declarations with each feature: `having[starts[f]:starts[f + 1]]`.
        lengths: of the weights of each declaration's features, as a vector.
    """

    numbers: dict[str, int]
    weights: Floats
    starts: Ints
    having: Ints
    lengths: Floats

    @classmethod
    def of(cls, vocabulary: Vocabulary, trees: Trees, conclusions: Ints, among: Ints) -> "Relevance":
        """Of the declarations `among` all whose types are `trees`."""
        nodes = [TreeNode.of(key) for key in vocabulary.keys]
        numbers: dict[str, int] = {}
        features: list[int] = []
        counts = np.zeros(len(trees), np.int64)
        for one in among.tolist():
            found = set(_features(nodes, trees, int(trees.starts[one]), int(trees.starts[one + 1])))
            features += [numbers.setdefault(feature, len(numbers)) for feature in found]
            counts[one] = len(found)
        flat, owner = np.array(features, np.int64), np.repeat(np.arange(len(trees)), counts)
        frequency = np.bincount(flat, minlength=len(numbers))
        weights = np.log1p(len(among) / np.maximum(frequency, 1))
        lengths = np.sqrt(np.bincount(owner, weights[flat] ** 2, minlength=len(trees)))
        order = np.argsort(flat, kind="stable")
        starts = np.concatenate([[0], np.cumsum(frequency)])
        return cls(numbers, weights, starts, owner[order], lengths)

    def scores(self, vocabulary: Vocabulary, goal: Trees, conclusion: int) -> Floats:
        """How relevant each declaration is to a goal, from 0 to 1.

        Args:
            vocabulary: of the goal's nodes.
            goal: one tree.
            conclusion: where its conclusion begins.
        """
        nodes = [TreeNode.of(key) for key in vocabulary.keys]
        asked: dict[str, float] = {}
        for first, last, weight in ((0, conclusion, _HYPOTHESES), (conclusion, len(goal.tokens), 1.0)):
            for feature in _features(nodes, goal, first, last):
                asked[feature] = max(asked.get(feature, 0.0), weight)
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


def _features(nodes: Sequence[TreeNode], trees: Trees, first: int, last: int) -> Iterator[str]:
    """What some nodes mention: constants, and which constant stands at which place below which."""
    for at in range(first, last):
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
