"""Replaces the failing part of a proof with a hole `□` (see `prover.search.tactics.moves.steps`)."""

import re
from collections.abc import Sequence

from prover.verdict import Message, Region

_BULLETS = re.compile(r"\s*(?:[·.] +)*")
_INLINE = re.compile(r"(?::=|=>|;)? ?\bby +|=> +")
_OPENING, _CLOSING = "([{⟨", ")]}⟩"


def errors(messages: Sequence[Message]) -> list[Message]:
    """Return Lean's errors in the candidate, in reading order."""
    found = [each for each in messages if each.severity == "error" and each.region is Region.CANDIDATE]
    return sorted(found, key=lambda each: (each.line, each.column))


def cut(proof: str, error: Message) -> str | None:
    """Return the tactic proof with a hole in place of the tactics from the error to the end of their block.

    For unsolved goals, the hole goes to the end of the block that left them. None if the error has no position or the
    proof is a term.
    """
    lines = proof.split("\n")
    if not lines[0].startswith("by") or not 1 <= error.line <= len(lines):
        return None
    if len(lines[0]) > len("by"):  # put the first tactic on its own line
        first = lines[0][2:].lstrip()
        moved = len(lines[0]) - len(first) - 2
        at_by = error.line == 1 and error.column < 2
        lines[0:1] = ["by", f"  {first}"]
        line, column = (error.line, error.column) if at_by else (error.line + 1, max(0, error.column - moved))
    else:
        line, column = error.line, error.column
    if error.text.startswith("unsolved goals"):
        return _append(lines, line - 1)
    return "by\n  □" if line == 1 else _replace(lines, line - 1, column)


def _append(lines: list[str], number: int) -> str:
    """Append a hole to the block that begins on a line."""
    indent = _indent(lines[number]) if number else -1
    end = _end(lines, number, indent + 1)
    if number == 0:
        margin = _indent(lines[1]) if len(lines) > 1 else 2
    elif end > number + 1:
        margin = _indent(lines[number + 1])
    else:
        line = lines[number]
        margin = len(_leading(line))
        starts = [each.end() for each in _INLINE.finditer(line) if _balanced(line[each.end() :])]
        if starts:  # `| zero => simp`, `have h : p := by simp`: move the tactic to its own line
            margin = indent + 2
            lines[number : number + 1] = [line[: starts[-1]].rstrip(), " " * margin + line[starts[-1] :]]
            end += 1
        elif re.search(r"(?:=>|\bby)$", lines[number]):
            margin = indent + 2
    return "\n".join([*lines[:end], " " * margin + "□", *lines[end:]])


def _replace(lines: list[str], number: int, column: int) -> str:
    """Put a hole in place of the tactic at a position and those after it in its block."""
    line = lines[number]
    leading = _leading(line)
    start = len(leading)
    inline = False
    for opener in _INLINE.finditer(line):
        if opener.start() <= column and _balanced(line[opener.end() :]):
            start, inline = opener.end(), True
    if line.lstrip().startswith("|") and not inline:
        start, inline = len(line), True
    if inline:
        # Take the tactics after `by` or `=>` and the lines that continue this one.
        end = _end(lines, number, _indent(line) + 1)
        kept = [line[:start].rstrip(), " " * (_indent(line) + 2 + (2 if leading.strip() else 0)) + "□"]
    else:
        end = _end(lines, number, start)
        kept = [leading + "□"]
    return "\n".join([*lines[:number], *kept, *lines[end:]])


def _leading(line: str) -> str:
    """Return the blanks and bullets before the first tactic of a line."""
    match = _BULLETS.match(line)
    assert match is not None
    return match[0]


def _balanced(text: str) -> bool:
    depth = 0
    for character in text:
        depth += (character in _OPENING) - (character in _CLOSING)
        if depth < 0:
            return False
    return depth == 0


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _end(lines: list[str], start: int, margin: int) -> int:
    """Return the number of the first line after `start` that is indented less than `margin`."""
    for number in range(start + 1, len(lines)):
        if lines[number].strip() and _indent(lines[number]) < margin:
            return number
    return len(lines)
