"""Inputs of a batch run: JSON Lines, Lean files with `sorry`, or an imported library."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from prover.errors import InputError, UserError
from prover.lean import library
from prover.lean.workers.lean_pool import LeanPool
from prover.source import disk, lean_file
from prover.source.lean_file import LeanFile
from prover.source.lexer import unclosed_comment
from prover.source.scanner import Command
from prover.source.typed import read_theorem
from prover.theorem import Header, Theorem
from prover.verdict import Message, Region, Verdict, VerdictKind
from service.core.limits.text import CHECK_COMMAND, refusal
from service.jsonl.items import read_items, warn
from service.jsonl.rows import Id
from service.ops.config import TextSettings

# Characters; longer names, for instance paths, are cut at the beginning, as their end is more informative.
_LONGEST_FAMILY = 256
# Skipped in addition to hidden folders such as `.lake`: not the project's own files.
_SKIPPED = frozenset({"build", "lake-packages"})


@dataclass(frozen=True, slots=True)
class Part:
    """A hole inside a declaration: the declaration, the text before it, and the number of the hole."""

    context: str
    declaration: str
    index: int


@dataclass(frozen=True, slots=True)
class Entry:
    """A theorem to prove, or a hole to fill.

    Attributes:
        id: name in the results, unique in its batch.
        theorem: None for a hole inside a declaration, or for an invalid entry: `verdict` gives the reason.
        family: group in reports.
        guard: the library theorem, if it is one.
    """

    id: Id
    theorem: Theorem | None
    family: str = ""
    guard: str = ""
    verdict: Verdict | None = None
    part: Part | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a batch: each theorem belongs to exactly one of `count` parts, determined by its id alone."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """Parse `2/5`: the second of five.

        Raises:
            UserError: the text has another form.
        """
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise UserError(f"a shard is written I/N, as in 2/5, and not {text!r}")
        return cls(int(number), int(count))

    def holds(self, entry: Entry) -> bool:
        """Whether the entry belongs to this part."""
        digest = hashlib.sha256(str(entry.id).encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1


def from_path(path: Path, limits: TextSettings, tell: Callable[[str], None] = warn) -> Iterator[Entry]:
    """Yield the theorems of a file or folder: `.jsonl` lines `{id or name, statement, header?, context?, family?,
    guard?}`; or the `sorry`s of a `.lean` file, or of all such files in a folder. An invalid part, such as an
    unreadable file in a folder, yields an entry with an error.

    Raises:
        UserError: it cannot be read, or is of another kind.
    """
    if path.is_dir():
        unreadable: list[OSError] = []
        files = lean_files(path, unreadable.append)
        if not files and not unreadable:
            raise UserError(f"{path} holds no .lean file")
        for error in unreadable:
            yield _unread(Path(error.filename), path, f"cannot read {error.filename}: {error.strerror}")
        closed = 0
        for file in files:
            try:
                entries = list(_from_lean(file, file.relative_to(path).as_posix(), limits))
            except UserError as unread:
                entries = [_unread(file, path, str(unread))]
            closed += not entries
            yield from entries
        if closed:
            tell(f"{closed} of {len(files)} files hold no `sorry`; nothing in them is looked at")
    elif path.suffix == ".lean":
        yield from _from_lean(path, path.name, limits)
    elif path.suffix == ".jsonl":
        for item in read_items(path, limits, with_candidates=False, tell=tell):
            yield Entry(item.id, item.theorem, item.family[-_LONGEST_FAMILY:], item.guard, item.verdict)
    else:
        raise UserError(f"{path} is neither a .jsonl file nor a .lean file nor a folder of those")


async def from_library(
    pool: LeanPool, patterns: tuple[str, ...], header: Header, limits: TextSettings
) -> AsyncIterator[Entry]:
    """Yield the theorems of imported modules, each guarded against a proof by itself.

    Raises:
        UserError: no imported module matches a pattern.
        NoAnswerError: Lean could not list them.
    """
    modules = await library.modules(pool, patterns, header)
    if not modules:
        raise UserError(f"no imported module is called like {' or '.join(patterns)}: --import names others")
    seen: set[str] = set()
    for module in modules:
        # Sorted by name: Lean's order is not stable.
        listed = sorted(
            [each async for each in library.theorems(pool, module, header)], key=lambda each: each.theorem.name
        )
        for each in listed:
            name = each.theorem.name
            if name not in seen:
                seen.add(name)
                yield _entry(name, each.theorem.statement, header.text, "", module, name, limits)


def _from_lean(path: Path, name: str, limits: TextSettings) -> Iterator[Entry]:
    file = disk.read(path)
    for item in file.commands:
        if item.hole:
            theorem = file.theorem(item)
            id_ = f"{name}:{item.line}:{item.name}"
            yield _entry(id_, theorem.statement, theorem.header.text, theorem.context, name, "", limits)
            continue
        for start, _ in file.sorries(item):
            line, column = lean_file.line_and_column(file.text, start)
            id_ = f"{name}:{line}:{column}:{item.name}"
            yield Entry(id_, None, name[-_LONGEST_FAMILY:], part=part_of(file, item, start))
    for command in file.open:
        yield _unsearched(file, command.start, f"{name}:{{place}}", name, command.why)
    if (opening := unclosed_comment(file.text)) is not None:
        yield _unsearched(file, opening, f"{name}:{{place}}", name, "this comment is not closed: it hides the rest")


def part_of(file: LeanFile, item: Command, start: int) -> Part:
    """Return the hole of a command that begins at an offset."""
    index = [begin for begin, _ in file.sorries(item)].index(start)
    return Part(file.theorem(item).context, file.text[item.start : item.end], index)


def path_of(source: Path, name: str) -> Path:
    """Return the path of the file whose entries have the family `name`."""
    return source if source.suffix == ".lean" else source / name


def _unsearched(file: LeanFile, offset: int, id_: str, family: str, why: str) -> Entry:
    """Return the entry for something unproved that is not searched."""
    line, column = lean_file.line_and_column(file.text, offset)
    message = Message("error", why, Region.CANDIDATE, line, column)
    verdict = Verdict(VerdictKind.INCOMPLETE, messages=(message,))
    return Entry(id_.format(place=f"{line}:{column}"), None, family[-_LONGEST_FAMILY:], verdict=verdict)


def _unread(path: Path, folder: Path, why: str) -> Entry:
    """Return the entry for an unreadable file or folder."""
    name = path.relative_to(folder).as_posix()
    verdict = Verdict(VerdictKind.INVALID_STATEMENT, messages=(Message("error", why, Region.HEADER),))
    return Entry(name, None, name[-_LONGEST_FAMILY:], verdict=verdict)


def lean_files(folder: Path, unreadable: Callable[[OSError], object]) -> list[Path]:
    """Return the `.lean` files of a folder and its subfolders, sorted, without hidden ones and build outputs.

    Args:
        unreadable: called for unreadable folders.
    """
    found: list[Path] = []
    for place, folders, names in os.walk(folder, onerror=unreadable):
        folders[:] = [each for each in folders if _own(Path(each))]
        found += [Path(place, name) for name in names if name.endswith(".lean") and _own(Path(name))]
    return sorted(found)


def _own(path: Path) -> bool:
    return not any(part.startswith(".") or part in _SKIPPED for part in path.parts)


def _entry(id_: str, statement: str, header: str, context: str, family: str, guard: str, limits: TextSettings) -> Entry:
    try:
        theorem = read_theorem(statement, header, context, limits, instead=CHECK_COMMAND)
        return Entry(id_, theorem, family[-_LONGEST_FAMILY:], guard)
    except InputError as error:
        return Entry(id_, None, family[-_LONGEST_FAMILY:], guard, refusal(error))
