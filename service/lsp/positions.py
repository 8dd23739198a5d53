"""Converts editors' positions (lines from 0, columns in UTF-16 units unless negotiated otherwise) to offsets."""

from lsprotocol.types import Position, Range
from pygls.workspace import PositionCodec


def lean_text(source: str) -> str:
    """Return a document's text with the line ends used by Lean and this package; positions stay valid."""
    return source.replace("\r\n", "\n")


def offset(text: str, position: Position, codec: PositionCodec) -> int:
    """Return the offset of a position; positions after the end of a line or text are moved to that end."""
    lines = text.split("\n")
    if position.line >= len(lines):
        return len(text)
    line, units, column = lines[position.line], 0, 0
    while column < len(line) and units < position.character:
        units += codec.client_num_units(line[column])
        column += 1
    return sum(len(one) + 1 for one in lines[: position.line]) + column


def place(text: str, start: int, end: int, codec: PositionCodec) -> Range:
    """Return the range between two offsets."""
    return Range(_position(text, start, codec), _position(text, end, codec))


def difference(text: str, start: int, end: int, new: str) -> tuple[int, int, str]:
    """Return the smallest change that replaces `text[start:end]` by `new`: a range and its new text.

    A minimal edit moves the fewest cursors. A proof on separate lines then starts on a line without characters that
    editors with other column units (lsp-mode 8) count differently.
    """
    old = text[start:end]
    same = _shared(old, new)
    behind = _shared(old[same:][::-1], new[same:][::-1])
    return start + same, end - behind, new[same : len(new) - behind]


def _shared(one: str, other: str) -> int:
    """Return the length of the common prefix."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _position(text: str, at: int, codec: PositionCodec) -> Position:
    begins = text.rfind("\n", 0, at) + 1
    return Position(text.count("\n", 0, at), codec.client_num_units(text[begins:at]))
