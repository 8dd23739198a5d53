"""Pattern matching in trees, vectorised over all trees."""

import numpy as np

from prover.premises.trees import HOLES, Ints, TreeNode, Trees, Vocabulary


def is_hole(key: str) -> bool:
    """Whether a pattern consisting of this node matches everything."""
    node = TreeNode.of(key)
    return not node.constant and node.symbol.startswith(HOLES)


def occurrences(pattern: list[str], trees: Trees, depths: Ints, vocabulary: Vocabulary) -> Ints:
    """Return the nodes at which a pattern matches, in order. Repeated holes must match equal parts.

    Args:
        pattern: keys of its nodes, in reading order. The first must not be a hole.
        trees: trees to search.
        depths: number of binders around each of their nodes.
        vocabulary: vocabulary of their nodes.
    """
    first = vocabulary.numbers.get(pattern[0])
    if first is None:
        return np.zeros(0, np.int64)
    roots = np.flatnonzero(trees.tokens == first)
    at = roots + 1
    holes: dict[str, Ints] = {}
    variables: list[tuple[int, Ints]] = []
    for key in pattern[1:]:
        if not len(roots):
            return roots
        fits, advance = np.ones(len(roots), bool), np.ones(len(roots), np.int64)
        node = TreeNode.of(key)
        if is_hole(key):
            advance = trees.sizes[at].astype(np.int64)
            if node.symbol != "_":
                seen = holes.setdefault(node.symbol, trees.hashes[at])
                fits = seen == trees.hashes[at]
        elif not node.constant and node.symbol[0] == "b":
            levels = _levels(vocabulary, node.parts)[trees.tokens[at]]
            fits = levels >= 0
            variables.append((int(node.symbol[1:]), levels))
        else:
            number = vocabulary.numbers.get(key)
            if number is None:
                return np.zeros(0, np.int64)
            fits = trees.tokens[at] == number
        roots, at = roots[fits], (at + advance)[fits]
        holes = {name: hashes[fits] for name, hashes in holes.items()}
        variables = [(level, found[fits]) for level, found in variables]
    whole = np.ones(len(roots), bool)
    for level, found in variables:  # bound within the pattern, hence below its root
        whole &= found == depths[roots] + level
    fitting: Ints = roots[whole]
    return fitting


def _levels(vocabulary: Vocabulary, parts: int) -> Ints:
    """Return for each node of a vocabulary its level, if it is a variable applied to so many parts; -1 for others."""
    return np.array(
        [
            int(key[2:].partition(" ")[0]) if key.startswith("·b") and have == parts else -1
            for key, have in zip(vocabulary.keys, vocabulary.parts, strict=True)
        ]
        or [-1],
        np.int64,
    )
