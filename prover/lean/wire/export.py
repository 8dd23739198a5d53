"""Exports of constants in lean4export's NDJSON, version 3, as elaborators write and judges read it."""

import json
import re

from pydantic_core import from_json

LONGEST_EXPORT = 8 << 20
"""Maximum size of an export in bytes."""
MOST_LINES = 2_000_000
_LONGEST_LINE = 4 << 20
_DEEPEST = 6
_GREATEST = (1 << 32) - 1

# The common case, nine of ten lines: only numbers without sign, fraction or exponent, and no text.
_N = r"(?:0|[1-9][0-9]{0,9})"
_BINDER = rf'{{"binderInfo":"(?:default|implicit|strictImplicit|instImplicit)","body":{_N},"name":{_N},"type":{_N}}}'
_PLAIN = re.compile(
    rf'{{"app":{{"arg":{_N},"fn":{_N}}},"ie":{_N}}}'
    rf'|{{"bvar":{_N},"ie":{_N}}}'
    rf'|{{"const":{{"name":{_N},"us":\[(?:{_N}(?:,{_N})*)?\]}},"ie":{_N}}}'
    rf'|{{"ie":{_N},"lam":{_BINDER}}}'
    rf'|{{"forallE":{_BINDER},"ie":{_N}}}'
)


class ExportError(ValueError):
    """A text is not a valid export; the message names the line and the reason."""


def plain(text: str) -> str:
    """Return the export in the canonical form that judges accept: integers, strings, lists and objects of bounded
    depth.

    The content of lines is not validated here; the judge does that.

    Raises:
        ExportError: the export is too long, truncated, or contains other values.
    """
    if len(text) > LONGEST_EXPORT or len(text.encode(errors="replace")) > LONGEST_EXPORT:
        raise ExportError(f"it is longer than {LONGEST_EXPORT} bytes")
    lines = text.split("\n")
    if lines.pop() or not lines:
        raise ExportError("its last line is cut off")
    if len(lines) > MOST_LINES:
        raise ExportError(f"it has more than {MOST_LINES} lines")
    return "\n".join([*(_line(number, line) for number, line in enumerate(lines, 1)), ""])


def _line(number: int, line: str) -> str:
    if _PLAIN.fullmatch(line):
        return line
    if len(line) > _LONGEST_LINE:
        raise ExportError(f"line {number} is too long")
    try:
        value = from_json(line, allow_inf_nan=False)
    except ValueError:
        raise ExportError(f"line {number} is not JSON") from None
    if not isinstance(value, dict):
        raise ExportError(f"line {number} is not an object")
    _look(number, value, _DEEPEST)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _look(number: int, value: object, depth: int) -> None:
    match value:
        case bool() | str():
            return
        case int() if 0 <= value <= _GREATEST:
            return
        case list() | dict() if depth:
            for part in value.values() if isinstance(value, dict) else value:
                _look(number, part, depth - 1)
            return
    raise ExportError(f"line {number} holds something that no export holds")
