"""A light lexer for Lean source: separates comments, strings, names and symbols without Lean.

It never decides whether a proof is correct or allowed (Lean's own parser does): it only serves comparing, counting and
reading binders. Any text has tokens; malformed parts become symbols.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

# Lean's identifiers: components joined by dots, each a letter or underscore followed by letters, digits, `_ ' ! ?`, or
# anything between « and ». λ, Π and Σ are symbols. Python's \w includes Lean's subscripts and letter-like characters.
_PART = r"(?:«[^«»\n]*»|(?![λΠΣ])[^\W\d][\w'!?]*)"
_TOKEN = re.compile(
    rf"""(?P<space>\s+)
    | (?P<line>--[^\n]*)
    | (?P<block>/-)
    | (?P<string>r(?P<hashes>\#*)"(?s:.*?)(?:"(?P=hashes)|\Z) | "(?:\\(?s:.)|[^"\\])*"?)
    | (?P<name>{_PART}(?:\.{_PART})*)
    | (?P<number>\d\w*(?:\.\d\w*)?)
    | (?P<char>'(?:\\x[0-9a-fA-F]{{2}}|\\u[0-9a-fA-F]{{4}}|\\.|[^\\'\n])')
    | (?P<symbol>:=|=>|<;>|.)""",
    re.VERBOSE,
)
_BLOCK_EDGE = re.compile(r"/-|-/")

BRACKETS = {"(": ")", "{": "}", "[": "]", "⦃": "⦄", "⟨": "⟩"}
"""Opening brackets with their closing ones."""


class Token(NamedTuple):
    """A token: `kind` is `name`, `number`, `string`, `char` or `symbol`; `start` and `end` are offsets into the
    text.
    """

    kind: str
    text: str
    start: int
    end: int


def tokenize(text: str) -> Iterator[Token]:
    """Return the tokens of `text`, without white space and comments."""
    position = 0
    while match := _TOKEN.match(text, position):
        kind = match.lastgroup if match.lastgroup != "hashes" else "string"
        position = match.end()
        if kind == "block":
            position = _end_of_block_comment(text, position) or len(text)
        elif kind not in ("space", "line"):
            assert kind is not None
            yield Token(kind, match[0], match.start(), position)


def unclosed_comment(text: str) -> int | None:
    """Return the offset of the block comment that is not closed; None if all are."""
    position = 0
    for token in tokenize(text):
        position = token.end
    while match := _TOKEN.match(text, position):  # blanks and comments
        closed = _end_of_block_comment(text, match.end()) if match.lastgroup == "block" else match.end()
        if closed is None:
            return position
        position = closed
    return None


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


def _end_of_block_comment(text: str, position: int) -> int | None:
    """Return the offset after the block comment opened before `position`; None if it is not closed. Comments nest."""
    depth = 1
    while depth and (edge := _BLOCK_EDGE.search(text, position)):
        depth += 1 if edge[0] == "/-" else -1
        position = edge.end()
    return position if depth == 0 else None
