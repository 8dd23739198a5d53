"""Files named by agents: the file on disk, its theorems, its holes. Files are read, never written."""

import textwrap
from dataclasses import replace
from pathlib import Path

from prover.assistance.fill import Hole, holes
from prover.assistance.suggest import FilePosition
from prover.candidate import Candidate
from prover.errors import InputError
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.theorem import HeaderError, Theorem


def read(file_path: str) -> LeanFile:
    """Read the file at an absolute path.

    Raises:
        UserError: the path is relative, or the file cannot be read.
    """
    path = Path(file_path)
    if not path.is_absolute():
        raise InputError("file_path", f"file_path must be absolute, not {file_path!r}")
    if path.suffix != ".lean":
        raise InputError("file_path", f"file_path must name a .lean file, not {path.name!r}")
    return lean_file.read(path)


def theorem_named(file: LeanFile, name: str) -> Command:
    """Return the theorem of that name, with or without its namespace.

    Raises:
        InputError: the file has none, or several.
    """
    last = name.rpartition(".")[2]
    found = [one for one in file.theorems if one.name == name] or [
        one for one in file.theorems if one.name.rpartition(".")[2] == last
    ]
    if len(found) == 1:
        return found[0]
    names = ", ".join(one.name for one in file.theorems[:20])
    text = f"has {len(found)} theorems named {name}" if found else f"has no theorem {name}"
    raise InputError("theorem_name", f"the file {text}; it states: {names or 'none'}")


def hole_at(file: LeanFile, line: int) -> Hole:
    """Return the first `sorry` on a line, from 1.

    Raises:
        InputError: there is none.
    """
    every = holes(file)
    lines = [lean_file.line_and_column(file.text, _word(file, one))[0] for one in every]
    if line in lines:
        return every[lines.index(line)]
    where = ", ".join(map(str, dict.fromkeys(lines)))
    raise InputError("line", f"line {line} has no `sorry`; lines that have one: {where or 'none'}")


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


def place_of(file: LeanFile, hole: Hole) -> FilePosition:
    """Return the hole as a place for tactics."""
    return FilePosition(file.text, *lean_file.line_and_column(file.text, _word(file, hole)))


def attempt(file: LeanFile, hole: Hole, snippet: str) -> tuple[Theorem, Candidate]:
    """Return the hole's declaration with its `sorry` replaced by a snippet: tactics, or a term that begins with
    `by`.
    """
    item, start = hole.item, _word(file, hole)
    if start == item.proof_start and not snippet.startswith("by"):  # a term is expected there
        snippet = "by\n" + textwrap.indent(snippet, "  ")
    proof = file.text[item.proof_start : start] + snippet + file.text[hole.end : item.proof_end]
    whole = file.candidate(item)
    return file.theorem(item), replace(whole, text=file.lead(item) + proof, source="agent")
