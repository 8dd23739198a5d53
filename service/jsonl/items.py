"""Items of a run: JSON Lines, each line one object.

An invalid line becomes an item with an error as its verdict and never ends a run. A line with a missing or repeated id
is answered under the id `line:N`.
"""

import difflib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import structlog

from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.source.typed import read_theorem, take, take_candidate
from prover.theorem import Theorem
from prover.verdict import Mode, Verdict
from service.core.limits.text import CHECK_COMMAND, printable, refusal
from service.jsonl.rows import Id
from service.ops.config import TextSettings

LONGEST_LINE = 32 << 20
"""Maximum size of a line in bytes; for a longer one only the line number is known."""
_LONGEST_ID = 1024
_LONGEST_LABEL = 1024
_FIELDS = frozenset({"id", "name", "header", "context", "project", "statement", "family", "guard"})
_CANDIDATES = frozenset(mode.value for mode in Mode)
_MOST_TOLD = 20  # unknown fields reported

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Item:
    """A line of the input.

    Attributes:
        verdict: set if the line is invalid, so that nothing is to be done.
        family: group in reports; may be empty. `guard` likewise, see `prover.verdict.Policy.guard`.
        unread: unknown fields of the line.
    """

    id: Id
    theorem: Theorem | None = None
    candidate: Candidate | None = None
    verdict: Verdict | None = None
    family: str = ""
    guard: str = ""
    unread: tuple[str, ...] = ()


def warn(sentence: str) -> None:
    """Log an error in the input."""
    _log.warning(sentence)


def read_items(
    path: Path, limits: TextSettings, with_candidates: bool, tell: Callable[[str], None] = warn
) -> Iterator[Item]:
    """Yield the items of a file.

    Args:
        path: JSON Lines in UTF-8; blank lines are skipped.
        limits: size limits of texts.
        with_candidates: whether each item has a `proof` or `file`.
        tell: called with a sentence at the first occurrence of an unknown field; each item lists its own.

    Raises:
        UserError: the file cannot be read, or has no items.
    """
    seen: dict[Id, int] = {}
    reported: set[str] = set()
    empty = True
    try:
        with path.open("rb") as stream:
            for number, line in _lines(stream):
                if line.strip():
                    empty = False
                    item = _item(line, number, seen, limits, with_candidates)
                    for field in item.unread:
                        if field not in reported and len(reported) < _MOST_TOLD:
                            reported.add(field)
                            tell(f"{path}:{number}: {_not_read(field, with_candidates)}")
                    yield item
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if empty:
        raise UserError(f"{path} holds no item")


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Yield numbered lines; of a line that is too long, the first `LONGEST_LINE` + 1 bytes."""
    number = 0
    while line := stream.readline(LONGEST_LINE + 1):
        number += 1
        rest = line
        while len(rest) > LONGEST_LINE and not rest.endswith(b"\n"):
            rest = stream.readline(LONGEST_LINE + 1)
        yield number, line


def _item(line: bytes, number: int, seen: dict[Id, int], limits: TextSettings, with_candidates: bool) -> Item:
    try:
        fields = _fields(line, number)
        name = _id(fields, number, seen)
    except InputError as error:
        return Item(f"line:{number}", verdict=refusal(error))
    unread = tuple(field for field in fields if field not in _read(with_candidates))[:_MOST_TOLD]
    try:
        candidate = _candidate(fields, number, limits) if with_candidates else None
        header, context = _text(fields, "header", number), _text(fields, "context", number)
        project = _text(fields, "project", number)
        statement = _text(fields, "statement", number, required=True)
        instead = "" if with_candidates else CHECK_COMMAND
        theorem = read_theorem(statement, header, context, limits, project, instead=instead)
        family, guard = (take(label, _text(fields, label, number), _LONGEST_LABEL) for label in ("family", "guard"))
    except InputError as error:
        return Item(name, verdict=refusal(error), unread=unread)
    return Item(name, theorem, candidate, None, family, guard, unread)


def _read(with_candidates: bool) -> frozenset[str]:
    return _FIELDS | _CANDIDATES if with_candidates else _FIELDS


def _not_read(field: str, with_candidates: bool) -> str:
    """Describe an unknown field, with a suggestion of a similar known one."""
    shown = printable(field[:40])
    if field in _CANDIDATES:
        return f"the field `{shown}` is not read here: `leansieve check --jsonl` checks proofs"
    near = difflib.get_close_matches(field[:40], _read(with_candidates), 1)
    return f"the field `{shown}` is not read" + (f": is `{near[0]}` meant?" if near else "")


class _TwiceError(Exception):
    """A field occurs twice in an object; JSON parsers would silently use the last one."""


def _fields_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise _TwiceError(f"`{printable(name[:40])}`")
        fields[name] = value
    return fields


def _fields(line: bytes, number: int) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise InputError("statement", f"line {number} is longer than {LONGEST_LINE:,} bytes")
    try:
        fields = json.loads(line.decode("utf-8-sig"), object_pairs_hook=_fields_once)
    except UnicodeDecodeError as error:
        raise InputError("statement", f"line {number} is not UTF-8 at byte {error.start}") from None
    except _TwiceError as error:
        raise InputError("statement", f"line {number} has {error} twice: which is meant?") from None
    except (ValueError, RecursionError) as error:
        raise InputError("statement", f"line {number} is not JSON: {error}") from None
    if not isinstance(fields, dict):
        raise InputError("statement", f"line {number} is not a JSON object")
    return fields


def _id(fields: Mapping[str, Any], number: int, seen: dict[Id, int]) -> Id:
    value = fields.get("id", fields.get("name"))  # corpora identify theorems by name
    if not isinstance(value, str | int) or isinstance(value, bool) or len(str(value)) > _LONGEST_ID:
        raise InputError("statement", f"line {number} has no usable `id`: give each line a short text or a number")
    take("statement", str(value), 4 * _LONGEST_ID)
    if value in seen:
        raise InputError("statement", f"line {number} has the id {value!r} of line {seen[value]}: ids must differ")
    seen[value] = number
    return value


def _text(fields: Mapping[str, Any], name: str, number: int, required: bool = False) -> str:
    value = fields.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        field = name if name in ("header", "context") else "statement"
        raise InputError(field, f"line {number} has no text in `{name}`")
    return value


def _candidate(fields: Mapping[str, Any], number: int, limits: TextSettings) -> Candidate:
    modes = [mode for mode in Mode if fields.get(mode.value) is not None]
    if len(modes) != 1:
        fault = "has both `proof` and `file`: give one of them" if modes else "needs either `proof` or `file`"
        raise InputError("statement", f"line {number} {fault}")
    text = _text(fields, modes[0].value, number)
    return Candidate(take_candidate(modes[0], text, limits.candidate), modes[0], source="given")
