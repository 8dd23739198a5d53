"""Problems of a file: one JSON object a line, `{"id", "problem"}`, where a problem is a Lean file whose theorem is left `sorry`."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Problem:
    """A problem and its name."""

    id: str
    problem: str


def read_problems(path: Path) -> Iterator[Problem]:
    """Yield the problems in the order of the file. An invalid line is logged in one sentence and skipped.

    Raises:
        ValueError: no line is a problem.
        OSError: the file cannot be read.
    """
    seen: dict[str, int] = {}
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if not line.strip():
            continue
        try:
            one = _read(line)
            if one.id in seen:
                raise ValueError(f"its id {one.id!r} is that of line {seen[one.id]}")
        except ValueError as error:
            _log.warning("%s:%d is left out: %s", path, number, error)
            continue
        seen[one.id] = number
        yield one
    if not seen:
        raise ValueError(f"{path} holds no problem")


def _read(line: bytes) -> Problem:
    try:
        row = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ValueError(f"it is not UTF-8 at byte {error.start}") from None
    except (ValueError, RecursionError) as error:
        raise ValueError(f"it is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise ValueError('it is no object: expected {"id", "problem"}')
    for name in ("id", "problem"):
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise ValueError(f"it has no text in `{name}`")
    if unknown := sorted(row.keys() - {"id", "problem"}):
        _log.warning("the problem %r has a field that nobody reads: `%s`", row["id"], unknown[0])
    return Problem(row["id"], row["problem"])
