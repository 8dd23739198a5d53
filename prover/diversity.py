"""When two proofs are the same, and how diverse a set of proofs is.

Definitions: arXiv 2512.05962, evaluation section. Shannon entropy in bits and the Gini–Simpson index, of tactics (the
first token of every non-empty line) and of premises (the items in square brackets).
"""

import itertools
import math
from collections import Counter
from collections.abc import Mapping

from prover.lexer import Token, tokenize

_CLOSED_BY = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}
_SIGNS = frozenset("←-↓↑")  # how a lemma is used, not which

# Behind these a block may begin in the middle of a line; the block's further lines stand below its first token.
_BLOCK_OPENERS = frozenset({"by", "do", "calc", "from", "then", "else", "=>", ":=", "·", ".", ";", "(", "{", "⟨"})


def normalise(proof: str) -> str:
    """A key that two proofs share exactly when they are taken to be the same; it is not Lean source.

    Comments, blank lines, the width of white space and the depth of indentation do not count. What Lean's layout rule
    sees does: line breaks, which of two lines is indented further, and whether a line begins below a later token of
    the line it hangs on (`by simp` with the next tactic below `simp`). Names bound inside the proof count.
    """
    text = proof.replace("\r\n", "\n")
    lines = _lines(text)
    # The first line's own column says nothing: a candidate is put behind `:=` wherever that ends.
    depths = {column: depth for depth, column in enumerate(sorted({_column(text, line[0]) for line in lines[1:]}))}
    keys = []
    for index, line in enumerate(lines):
        layout = f"{depths[_column(text, line[0])]}{_anchor(text, lines, index)}" if index else ""
        keys.append(f"{layout} {_spaced(line)}".strip())
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
            item = tokens[start:index]
            if item and item[0].text in _SIGNS:
                item = item[1:]
            if item and closing == "]":
                found[_spaced(item)] += 1
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


def _column(text: str, token: Token) -> int:
    return token.start - (text.rfind("\n", 0, token.start) + 1)


def _anchor(text: str, lines: list[list[Token]], index: int) -> str:
    """`@k` if the line continues a block that began at token k of the nearest earlier line that begins further left."""
    column = _column(text, lines[index][0])
    for parent in reversed(lines[:index]):
        if _column(text, parent[0]) < column:
            starts = (k for k in range(1, len(parent)) if parent[k - 1].text in _BLOCK_OPENERS)
            return next((f"@{k}" for k in starts if _column(text, parent[k]) == column), "")
    return ""


def _spaced(line: list[Token]) -> str:
    """The tokens with one blank wherever something stood between two of them (`f -1` is not `f - 1`)."""
    words = [line[0].text]
    for before, token in itertools.pairwise(line):
        words.append(" " + token.text if token.start > before.end else token.text)
    return "".join(words)
