"""JSON Lines input and output: items and answers of a run, which a later run can resume.

Each line is one object. An invalid line gets an error as its answer and never ends a run. A line with a missing or
repeated id is answered under the id `line:N`.
"""

import difflib
import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import structlog

from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.events import Finished, Refutation, StatementNote
from prover.theorem import Theorem
from prover.verdict import Message, Mode, Trust, Verdict
from service.core.limits.text import CHECK_COMMAND, printable, read_theorem, refusal, take
from service.ops.config import TextSettings

LONGEST_LINE = 32 << 20
"""Maximum size of a line in bytes; for a longer one only the line number is known."""
_LONGEST_ID = 1024
_LONGEST_LABEL = 1024
_FIELDS = frozenset({"id", "name", "header", "context", "project", "statement", "family", "guard"})
_CANDIDATES = frozenset(mode.value for mode in Mode)
_MOST_TOLD = 20  # unknown fields reported

_log = structlog.get_logger(__name__)

Id = str | int
Row = Mapping[str, Any]


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
    told: set[str] = set()
    empty = True
    try:
        with path.open("rb") as stream:
            for number, line in _lines(stream):
                if line.strip():
                    empty = False
                    item = _item(line, number, seen, limits, with_candidates)
                    for field in item.unread:
                        if field not in told and len(told) < _MOST_TOLD:
                            told.add(field)
                            tell(f"{path}:{number}: {_not_read(field, with_candidates)}")
                    yield item
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if empty:
        raise UserError(f"{path} holds no item")


def check_row(item_id: Id, verdict: Verdict) -> Row:
    """Return an output line of `check --jsonl`."""
    return {
        "id": item_id,
        "verdict": verdict.kind.name,
        "trust": verdict.trust.name,
        "path": verdict.path.value,
        "messages": [message_row(message) for message in verdict.messages],
        "axioms": list(verdict.axioms),
        "axioms_complete": verdict.axioms_complete,
        **({"assumed": list(verdict.assumed)} if verdict.trust is Trust.CROSS_CHECKED else {}),
        **({"term": verdict.term} if verdict.term else {}),
        "elapsed_ms": round(verdict.elapsed_ms, 3),
    }


def message_row(message: Message) -> Row:
    """Return a message as JSON."""
    return {
        "severity": message.severity,
        "text": message.text,
        "region": message.region.value,
        "line": message.line,
        "column": message.column,
    }


def said(finished: Finished) -> Row:
    """Return the further results of a search other than proofs, if any."""
    row: dict[str, Any] = {"stuck_at": finished.stuck_at} if finished.stuck_at else {}
    if finished.refutation is not None:
        row["refutation"] = refutation_row(finished.refutation)
    if finished.notes:
        row["notes"] = note_rows(finished.notes)
    return row


def refutation_row(refutation: Refutation) -> Row:
    """Return a refutation as JSON: the negation, its proof, and values for which the theorem is false."""
    verdict = refutation.proof.verdict
    return {
        "statement": refutation.statement,
        "proof": refutation.proof.candidate.text,
        "trust": verdict.trust.name,
        "path": verdict.path.value,
        "counterexample": dict(refutation.counterexample),
    }


def note_rows(notes: Iterable[StatementNote]) -> list[Row]:
    """Return the notes on a statement as JSON."""
    return [{"kind": note.kind.value, "text": note.text, "names": list(note.names)} for note in notes]


class Answers:
    """The output of a run: opened by one process at a time, appended line by line, repaired after a crash."""

    def __init__(self, path: Path, finished: Callable[[Row], bool], good: Callable[[Row], bool]) -> None:
        """Write to `path`; rows of an earlier run for which `finished` is false are removed, to be answered again.

        Args:
            good: whether a row is a success: VERIFIED, or with a proof.
        """
        self.path = path
        self.done: set[Id] = set()
        """Ids with an answer."""
        self.good: set[Id] = set()
        """Ids with a success."""
        self._finished = finished
        self._good = good
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Open, lock and repair the file.

        Raises:
            UserError: it cannot be written, another process writes it, or its content is invalid.
        """
        try:
            self._stream = _locked(self.path)
            self._resume(self._stream)
        except OSError as error:
            self.__exit__(None, None, None)
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the file."""
        if self._stream is not None:
            with suppress(OSError):  # write errors were reported by `write`
                self._stream.close()
            self._stream = None

    def write(self, row: Row) -> None:
        """Append one answer.

        Raises:
            UserError: it cannot be written, for instance because the disk is full.
        """
        assert self._stream is not None
        try:
            self._stream.write(_encode(row))
            self._stream.flush()
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; run again to resume") from None
        self._note(row)

    def _note(self, row: Row) -> None:
        self.done.add(row["id"])
        if self._good(row):
            self.good.add(row["id"])

    def _resume(self, stream: IO[bytes]) -> None:
        dropped: set[int] = set()
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):  # torn by a crash
                dropped.add(number)
                break
            try:
                row = json.loads(line)
                if self._finished(row):
                    self._note(row)
                else:
                    dropped.add(number)
            except (ValueError, KeyError, TypeError, RecursionError):
                raise UserError(
                    f"{self.path}:{number} is not an answer of an earlier run; name another file, or move this one away"
                ) from None
        if dropped:
            stream.seek(0)
            self._stream = _replaced(self.path, (line for n, line in enumerate(stream, start=1) if n not in dropped))
            stream.close()


def _locked(path: Path) -> IO[bytes]:
    if path.exists() and not path.is_file():
        raise UserError(f"cannot write {path}: it is not an ordinary file, so that a run could not be resumed")
    stream = path.open("a+b")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise UserError(f"another run is writing {path}; wait for it or name another file") from None
    stream.seek(0)
    return stream


def _replaced(path: Path, lines: Iterable[bytes]) -> IO[bytes]:
    """Create a new file of that name with these lines, locked before any other process can see it."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        stream = os.fdopen(descriptor, "w+b")
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stream.writelines(lines)
        stream.flush()
        os.chmod(draft, path.stat().st_mode)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    return stream


def _encode(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"


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
    given = fields.get("id", fields.get("name"))  # corpora identify theorems by name
    if not isinstance(given, str | int) or isinstance(given, bool) or len(str(given)) > _LONGEST_ID:
        raise InputError("statement", f"line {number} has no usable `id`: give each line a short text or a number")
    take("statement", str(given), 4 * _LONGEST_ID)
    if given in seen:
        raise InputError("statement", f"line {number} has the id {given!r} of line {seen[given]}: ids must differ")
    seen[given] = number
    return given


def _text(fields: Mapping[str, Any], name: str, number: int, required: bool = False) -> str:
    value = fields.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        field = name if name in ("header", "context") else "statement"
        raise InputError(field, f"line {number} has no text in `{name}`")
    return value


def _candidate(fields: Mapping[str, Any], number: int, limits: TextSettings) -> Candidate:
    given = [mode for mode in Mode if fields.get(mode.value) is not None]
    if len(given) != 1:
        raise InputError("statement", f"line {number} needs either `proof` or `file`")
    text = _text(fields, given[0].value, number)
    return Candidate(take(given[0].value, text, limits.candidate), given[0], source="given")
