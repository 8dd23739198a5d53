"""When two proofs are the same, and how diverse a set of proofs is.

Definitions: arXiv 2512.05962, evaluation section. Shannon entropy in bits and the Gini–Simpson index, of tactics (the
first token of every non-empty line) and of premises (the items in square brackets).
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
_SIGNS = frozenset("←-↓↑")  # how a lemma is used, not which
_DEEPEST = 16  # brackets nested deeper are no premises: proofs do not have them, and each level costs a copy

# After these a block may begin in the middle of a line; the block's further lines stand below its first token.
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
        """The diversity of proofs, given how often each occurs in the set."""
        used_tactics: Counter[str] = Counter()
        used_premises: Counter[str] = Counter()
        for text, count in proofs:
            for counts, found in ((used_tactics, tactics(text)), (used_premises, premises(text))):
                counts.update({name: times * count for name, times in found.items()})
        return cls(
            *(measure(counts) for counts in (used_tactics, used_premises) for measure in (shannon, gini_simpson))
        )


def normalise(proof: str) -> str:
    """A key that two proofs share only if Lean cannot tell them apart; it is not Lean source.

    Comments, blank lines, the width of white space and the depth of indentation do not count. What Lean's layout rule
    sees does: line breaks, which of two lines is indented further, and whether a line begins below a later token of
    the line it hangs on (`by simp` with the next tactic below `simp`). Names bound inside the proof count.
    """
    return _key(proof, None)


def distinct_key(proof: str, theorem: Theorem | None = None) -> str:
    """A key that two proofs of a theorem share exactly when they count as one; it is not Lean source.

    As `normalise`, but names bound inside the proof do not count either (`prover.source.bound_names`). Where the theorem is given,
    names that it mentions do: a caution for proofs in which such a name is bound as well.
    """
    return _key(proof, frozenset() if theorem is None else _names(theorem))


def text_identity(theorem: Theorem, candidate: Candidate) -> str:
    """A key that two candidates share if their texts say the same."""
    return f"text {distinct_key(candidate.text, theorem) if candidate.mode is Mode.PROOF else candidate.text}"


def identities(theorem: Theorem, candidate: Candidate, verdict: Verdict) -> frozenset[str]:
    """Keys of a verified proof. Two that share one count as one proof: their texts say the same, or Lean makes one term of both."""
    term = [f"term {verdict.term}"] if verdict.term else []
    return frozenset([text_identity(theorem, candidate), *term])


def length(proof: str) -> int:
    """Tokens of Lean."""
    return sum(1 for _ in tokenize(proof))


@lru_cache(maxsize=64)
def _names(theorem: Theorem) -> frozenset[str]:
    """Names that the theorem mentions."""
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
    # The first line's own column says nothing: a candidate is put after `:=` wherever that ends.
    depths = {column: depth for depth, column in enumerate(sorted(set(columns[1:])))}
    keys: list[str] = []
    parents: list[
        tuple[int, dict[int, int]]
    ] = []  # earlier lines, each further right than the one before, with anchors
    for line, start, column in zip(lines, starts, columns, strict=True):
        while parents and parents[-1][0] >= column:
            parents.pop()
        anchor = parents[-1][1].get(column) if parents else None
        layout = "" if not keys else f"{depths[column]} " if anchor is None else f"{depths[column]}@{anchor} "
        keys.append(layout + _spaced(line, renamed))
        parents.append((column, _anchors(line, start)))
    return "\n".join(keys)


def tactics(proof: str) -> Counter[str]:
    """How often each tactic stands at the beginning of a line; a `by` that opens the proof is not one."""
    lines = _lines(proof)
    if lines and lines[0][0].text == "by":
        lines = [lines[0][1:], *lines[1:]]
    return Counter(line[0].text for line in lines if line)


def premises(proof: str) -> Counter[str]:
    """How often each item stands in square brackets, as in `simp [h, ← Nat.add_comm]`; the arrow is not part of it."""
    tokens = list(tokenize(proof))
    found: Counter[str] = Counter()
    open_items: list[tuple[str, int]] = []  # the bracket that closes it, the index at which its current item begins
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
    """Shannon entropy −Σ p log₂ p in bits; 0 where nothing was counted."""
    total = sum(counts.values())
    return sum(-count / total * math.log2(count / total) for count in counts.values() if count)


def gini_simpson(counts: Mapping[str, int]) -> float:
    """Gini–Simpson index 1 − Σ p²: the chance that two draws differ; 0 where nothing was counted."""
    total = sum(counts.values())
    return 1 - sum((count / total) ** 2 for count in counts.values()) if total else 0.0


def _lines(text: str) -> list[list[Token]]:
    """The tokens of each line that has any; a token that spans lines belongs to the line on which it begins."""
    lines: list[list[Token]] = []
    end = 0
    for token in tokenize(text):
        if not lines or "\n" in text[end : token.start]:
            lines.append([])
        lines[-1].append(token)
        end = token.end
    return lines


def _anchors(line: list[Token], start: int) -> dict[int, int]:
    """The columns at which a block begins in the middle of a line, with the index of the token that begins it."""
    return {
        token.start - start: index
        for index, (before, token) in enumerate(itertools.pairwise(line), start=1)
        if before.text in _BLOCK_OPENERS
    }


def _spaced(line: list[Token], renamed: Mapping[int, str] = MappingProxyType({})) -> str:
    """The tokens with one blank wherever something stood between two of them (`f -1` is not `f - 1`)."""
    words = [renamed.get(line[0].start, line[0].text)]
    for before, token in itertools.pairwise(line):
        word = renamed.get(token.start, token.text)
        words.append(" " + word if token.start > before.end else word)
    return "".join(words)
