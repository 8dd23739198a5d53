"""Files named by agents: the file on disk, its theorems, its holes. Files are read, never written."""

import asyncio
import textwrap
from dataclasses import replace
from pathlib import Path

from prover.assistance.commands import Judged
from prover.assistance.holes import Hole, holes_of
from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.requests import StatementError
from prover.source import disk, lean_file, showing
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.source.typed import take
from prover.theorem import HeaderError
from prover.verdict import Verdict
from service.core.limits.text import printable

_LONGEST_PATH = 4096
_MOST_NAMED = 20
_LONGEST_SHOWN = 80  # characters of an agent's text


def shown(value: object) -> str:
    """Quote an agent's text for a message."""
    text = printable(repr(value))
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"


async def read(file_path: str) -> LeanFile:
    """Read the file at an absolute path.

    Raises:
        InputError: the path is relative, or the file cannot be read.
    """
    path = Path(take("file_path", file_path, _LONGEST_PATH))
    if not path.is_absolute():
        raise InputError("file_path", f"file_path must be absolute, not {shown(file_path)}")
    if path.suffix != ".lean":
        raise InputError("file_path", f"file_path must name a .lean file, not {shown(path.name)}")
    try:
        # A second for the largest; other requests proceed meanwhile.
        return await asyncio.to_thread(disk.read, path)
    except UserError as error:
        raise InputError("file_path", printable(str(error))) from None


def theorem_named(file: LeanFile, name: str) -> Command:
    """Return the theorem with that full name, or with that name in a namespace.

    Raises:
        InputError: the file has none, or several.
    """
    full = file.full_names()
    names = {number: full.get(number, one.name) for number, one in enumerate(file.commands) if one.statement}
    found = [number for number, one in names.items() if one == name] or [
        number for number, one in names.items() if one.endswith(f".{name}")
    ]
    if len(found) == 1:
        return file.commands[found[0]]
    ellipsis = ", …" if len(names) > _MOST_NAMED else ""
    stated = ", ".join(printable(one) for one in list(names.values())[:_MOST_NAMED])
    text = f"has {len(found)} theorems named {shown(name)}" if found else f"has no theorem {shown(name)}"
    raise InputError("theorem_name", f"the file {text}; it states: {stated or 'none'}{ellipsis}")


def required_holes(file: LeanFile) -> list[Hole]:
    """Return the `sorry`s of a file.

    Raises:
        InputError: there is none, so that nothing would be checked.
    """
    if found := holes_of(file):
        return found
    raise InputError(
        "file_path", "the file has no `sorry` to fill: lean_verify checks a proof in it, lean_run_code a whole file"
    )


def hole_at(file: LeanFile, line: int) -> Hole:
    """Return the first `sorry` on a line, from 1.

    Raises:
        InputError: there is none.
    """
    return holes_at(file, line)[0]


def holes_at(file: LeanFile, line: int) -> list[Hole]:
    """Return the `sorry`s on a line, from 1.

    Raises:
        InputError: there is none.
    """
    every = holes_of(file)
    lines = [line_of(file, one) for one in every]
    if line in lines:
        return [one for one, at in zip(every, lines, strict=True) if at == line]
    where = ", ".join(map(str, list(dict.fromkeys(lines))[:_MOST_NAMED]))
    ellipsis = ", …" if len(set(lines)) > _MOST_NAMED else ""
    raise InputError("line", f"line {line} has no `sorry`; lines that have one: {where or 'none'}{ellipsis}")


def line_of(file: LeanFile, hole: Hole) -> int:
    """Return the line of a hole, from 1."""
    return lean_file.line_and_column(file.text, _word(file, hole))[0]


def _word(file: LeanFile, hole: Hole) -> int:
    """Return the offset of the word itself: a hole that is a whole proof begins with its `by`."""
    return next((start for start, end in file.sorries(hole.item) if end == hole.end), hole.start)


def parsed(code: str) -> LeanFile:
    """Parse a whole file sent as text.

    Raises:
        InputError: it is empty, or its imports are malformed.
    """
    if not code.strip():
        raise InputError("code", "the code is empty")
    try:
        return lean_file.parse(code.replace("\r\n", "\n"))
    except HeaderError as error:
        raise InputError("code", str(error)) from None


def place_of(file: LeanFile, line: int, column: int) -> tuple[Command | None, int, int]:
    """Return a position for tactics: its command, its line, and its column from 0.

    Args:
        file: the file.
        line: from 1.
        column: from 1; 0: at the first `sorry` of the line.

    Raises:
        InputError: no `sorry` is there.
    """
    if not column:
        hole = hole_at(file, line)
        return hole.item, *lean_file.line_and_column(file.text, _word(file, hole))
    number = file.number_at(file.offset(line, column - 1))
    return None if number is None else file.commands[number], line, column - 1


def left_out(file: LeanFile, item: Command) -> tuple[Command, ...]:
    """Return the commands above `item` and around it that only display or test something; a check of `item` does not
    run them.
    """
    above = showing.showing(one for one in file.commands if one.start < item.start)
    guarded = any(file.text[begin] == "#" for begin, _ in item.prefixes)
    return (*above, replace(item, keyword="#guard_msgs")) if guarded else above


def placed(judged: Judged, item: Command) -> Verdict:
    """Convert the positions of a verdict's messages to positions in the file."""
    return _placed(judged.file, item, judged.verdict)


def placed_error(file: LeanFile, item: Command, error: StatementError) -> StatementError:
    """Return the error about a command's statement or proof with positions in the file."""
    return StatementError(_placed(file, item, error.verdict))


def _placed(file: LeanFile, item: Command, verdict: Verdict) -> Verdict:
    messages = []
    for message in verdict.messages:
        line, column = file.position(item, message)
        messages.append(replace(message, line=line, column=column))
    return replace(verdict, messages=tuple(messages))


def attempt(file: LeanFile, hole: Hole, snippet: str) -> Candidate:
    """Return the hole's declaration with its `sorry` replaced by a snippet: tactics, or a term that begins with `by`."""
    item, start = hole.item, _word(file, hole)
    if start == item.proof_start and not snippet.startswith("by"):  # a term is expected there
        snippet = "by\n" + textwrap.indent(snippet, "  ")
    proof = file.text[item.proof_start : start] + snippet + file.text[hole.end : item.proof_end]
    return replace(file.candidate(item), text=file.lead(item) + proof, source="agent")
