"""Finds tokens outside brackets."""

from collections.abc import Sequence

from prover.source.lexer import Token

BRACKETS = {"(": ")", "{": "}", "[": "]", "⦃": "⦄", "⟨": "⟩"}
"""Opening brackets with their closing ones."""


def find(tokens: Sequence[Token], start: int, text: str) -> int:
    """Return the index of `text` outside brackets from `start` on, or the number of tokens."""
    awaited: list[str] = []
    for index in range(start, len(tokens)):
        token = tokens[index]
        if not awaited and token.text == text:
            return index
        if token.text in BRACKETS:
            awaited.append(BRACKETS[token.text])
        elif awaited and token.text == awaited[-1]:
            awaited.pop()
    return len(tokens)
