"""Positions as editors count them (lines from 0, columns in UTF-16 units unless agreed otherwise), as offsets of a text."""

from lsprotocol.types import Position, Range
from pygls.workspace import PositionCodec


def lean_text(source: str) -> str:
    """A document's text with the line ends that Lean and this package count by; positions stay what they were."""
    return source.replace("\r\n", "\n")


def offset(text: str, position: Position, codec: PositionCodec) -> int:
    """The offset of a position; one after the end of its line, or of the text, is that end."""
    lines = text.split("\n")
    if position.line >= len(lines):
        return len(text)
    line, units, column = lines[position.line], 0, 0
    while column < len(line) and units < position.character:
        units += codec.client_num_units(line[column])
        column += 1
    return sum(len(one) + 1 for one in lines[: position.line]) + column


def place(text: str, start: int, end: int, codec: PositionCodec) -> Range:
    """The range between two offsets."""
    return Range(_position(text, start, codec), _position(text, end, codec))


def difference(text: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    """What of `text[start:end]` becomes something else where `new` takes its place: the narrower range, and what comes into it.

    An edit that leaves alone what stays moves the fewest cursors, and begins, for a proof in lines of its own, in a line where
    editors that do not count columns in UTF-16 units (lsp-mode 8) count the same.
    """
    old = text[start:end]
    same = _shared(old, new)
    behind = _shared(old[same:][::-1], new[same:][::-1])
    return start + same, end - behind, new[same : len(new) - behind]


def _shared(one: str, other: str) -> int:
    """How much of their beginnings is the same."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _position(text: str, at: int, codec: PositionCodec) -> Position:
    begins = text.rfind("\n", 0, at) + 1
    return Position(text.count("\n", 0, at), codec.client_num_units(text[begins:at]))
