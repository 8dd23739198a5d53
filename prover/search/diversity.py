"""Equality of proofs up to layout and names, and the diversity of a set of proofs.

Definitions: arXiv 2512.05962, evaluation section. Both Shannon entropy in bits and the Gini–Simpson index are computed,
of tactics (the first token of every non-empty line) and of premises (the items in square brackets).
"""

import itertools
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Self

from prover.candidate import Candidate
from prover.source.bound_names import canonical_names
from prover.source.lexer import Token, tokenize
from prover.theorem import Theorem
from prover.verdict import Mode, Verdict

_CLOSED_BY = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}
_SIGNS = frozenset("←-↓↑")  # these say how a lemma is used, not which one
_DEEPEST = (
    16  # deeper brackets are not counted as premises: real proofs do not nest so deep, and each level costs a copy
)

# After these tokens a block may begin in the middle of a line; its other lines are aligned below its first token.
_BLOCK_OPENERS = frozenset({"by", "do", "calc", "from", "then", "else", "=>", ":=", "·", ".", ";", "(", "{", "⟨"})


@dataclass(frozen=True, slots=True)
class Diversity:
    """Diversity of a set of proofs: Shannon entropies in bits, Gini–Simpson indices between 0 and 1."""

    tactic_shannon: float
    tactic_gini_simpson: float
    premise_shannon: float
    premise_gini_simpson: float

    @classmethod
    def of_proofs(cls, proofs: Iterable[tuple[str, int]]) -> Self:
        """Return the diversity of proofs, given how often each occurs in the set."""
        used_tactics: Counter[str] = Counter()
        used_premises: Counter[str] = Counter()
        for text, count in proofs:
            for counts, found in ((used_tactics, tactics(text)), (used_premises, premises(text))):
                counts.update({name: times * count for name, times in found.items()})
        return cls(
            *(measure(counts) for counts in (used_tactics, used_premises) for measure in (shannon, gini_simpson))
        )


def normalise(proof: str) -> str:
    """Return a key that two proofs share only if Lean cannot distinguish them; it is not Lean source.

    The key ignores comments, blank lines, the width of white space and the depth of indentation. It keeps everything
    Lean's layout rule depends on: line breaks, which of two lines is indented further, and whether a line begins below
    a later token of the line that it belongs to (`by simp` with the next tactic below `simp`). It keeps names bound
    inside the proof.
    """
    return _key(proof, None)


def distinct_key(proof: str, theorem: Theorem | None = None) -> str:
    """Return a key that two proofs of a theorem share exactly when they count as one; it is not Lean source.

    The key is that of `normalise`, but it also ignores names bound inside the proof (`prover.source.bound_names`). If
    the theorem is given, names that it mentions are kept: a precaution for proofs that rebind such a name.
    """
    return _key(proof, frozenset() if theorem is None else _names(theorem))


def text_identity(theorem: Theorem, candidate: Candidate) -> str:
    """Return a key that two candidates share if their texts are equal up to layout and bound names."""
    return f"text {distinct_key(candidate.text, theorem) if candidate.mode is Mode.PROOF else candidate.text}"


def identities(theorem: Theorem, candidate: Candidate, verdict: Verdict) -> frozenset[str]:
    """Return the keys of a verified proof.

    Two proofs that share a key count as one: their texts are equal up to layout and bound names, or Lean elaborates
    both to the same term.
    """
    term = [f"term {verdict.term}"] if verdict.term else []
    return frozenset([text_identity(theorem, candidate), *term])


def length(proof: str) -> int:
    """Return the number of Lean tokens."""
    return sum(1 for _ in tokenize(proof))


@lru_cache(maxsize=64)
def _names(theorem: Theorem) -> frozenset[str]:
    """Return the names that the theorem mentions."""
    texts = (theorem.context, theorem.statement)
    names = (token.text for text in texts for token in tokenize(text) if token.kind == "name")
    return frozenset(part for name in names for part in (name, name.partition(".")[0]))


def _key(proof: str, given: frozenset[str] | None) -> str:
    text = proof.replace("\r\n", "\n")
    lines = _lines(text)
    if given is not None:
        tokens = list(itertools.chain.from_iterable(lines))
        renamed = {tokens[index].start: name for index, name in canonical_names(text, tokens, given).items()}
    else:
        renamed = {}
    starts = [text.rfind("\n", 0, line[0].start) + 1 for line in lines]
    columns = [line[0].start - start for line, start in zip(lines, starts, strict=True)]
    # The column of the first line is irrelevant: the candidate is placed after `:=`, wherever that ends.
    depths = {column: depth for depth, column in enumerate(sorted(set(columns[1:])))}
    keys: list[str] = []
    parents: list[
        tuple[int, dict[int, int]]
    ] = []  # earlier lines, each indented further than the one before, with anchors
    for line, start, column in zip(lines, starts, columns, strict=True):
        while parents and parents[-1][0] >= column:
            parents.pop()
        anchor = parents[-1][1].get(column) if parents else None
        layout = "" if not keys else f"{depths[column]} " if anchor is None else f"{depths[column]}@{anchor} "
        keys.append(layout + _spaced(line, renamed))
        parents.append((column, _anchors(line, start)))
    return "\n".join(keys)


def tactics(proof: str) -> Counter[str]:
    """Count how often each tactic begins a line; a `by` that opens the proof is skipped."""
    lines = _lines(proof)
    if lines and lines[0][0].text == "by":
        lines = [lines[0][1:], *lines[1:]]
    return Counter(line[0].text for line in lines if line)


def premises(proof: str) -> Counter[str]:
    """Count how often each item occurs in square brackets, as in `simp [h, ← Nat.add_comm]`, without the arrow."""
    tokens = list(tokenize(proof))
    found: Counter[str] = Counter()
    open_items: list[tuple[str, int]] = []  # closing bracket, and the index where its current item begins
    for index, token in enumerate(tokens):
        if token.text in _CLOSED_BY:
            open_items.append((_CLOSED_BY[token.text], index + 1))
        elif open_items and token.text in (",", open_items[-1][0]):
            closing, start = open_items.pop()
            if closing == "]" and len(open_items) < _DEEPEST:
                item = tokens[start:index]
                item = item[1:] if item and item[0].text in _SIGNS else item
                found.update([_spaced(item)] if item else [])
            if token.text == ",":
                open_items.append((closing, index + 1))
    return found


def shannon(counts: Mapping[str, int]) -> float:
    """Shannon entropy −Σ p log₂ p in bits; 0 for an empty count."""
    total = sum(counts.values())
    return sum(-count / total * math.log2(count / total) for count in counts.values() if count)


def gini_simpson(counts: Mapping[str, int]) -> float:
    """Gini–Simpson index 1 − Σ p², the probability that two draws differ; 0 for an empty count."""
    total = sum(counts.values())
    return 1 - sum((count / total) ** 2 for count in counts.values()) if total else 0.0


def _lines(text: str) -> list[list[Token]]:
    """Return the tokens of each non-empty line; a token that spans lines belongs to the line where it begins."""
    lines: list[list[Token]] = []
    end = 0
    for token in tokenize(text):
        if not lines or "\n" in text[end : token.start]:
            lines.append([])
        lines[-1].append(token)
        end = token.end
    return lines


def _anchors(line: list[Token], start: int) -> dict[int, int]:
    """Return the columns where a block begins in the middle of a line, with the index of its first token."""
    return {
        token.start - start: index
        for index, (before, token) in enumerate(itertools.pairwise(line), start=1)
        if before.text in _BLOCK_OPENERS
    }


def _spaced(line: list[Token], renamed: Mapping[int, str] = MappingProxyType({})) -> str:
    """Join the tokens, with one blank wherever anything was between two of them (`f -1` is not `f - 1`)."""
    words = [renamed.get(line[0].start, line[0].text)]
    for before, token in itertools.pairwise(line):
        word = renamed.get(token.start, token.text)
        words.append(" " + word if token.start > before.end else word)
    return "".join(words)
