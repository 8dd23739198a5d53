"""Finds a token outside of brackets."""

from collections.abc import Sequence

from prover.source.lexer import Token

BRACKETS = {"(": ")", "{": "}", "[": "]", "⦃": "⦄", "⟨": "⟩"}
"""Each opening bracket with the one that closes it."""


def find(tokens: Sequence[Token], start: int, text: str) -> int:
    """The index of `text` outside of brackets from `start` on, or the number of tokens."""
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
