"""Where the theorems of a batch come from: JSON Lines, Lean files with `sorry`, an imported library."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

from prover.errors import InputError, UserError
from prover.lean import library
from prover.lean.workers.pool import WorkerPool
from prover.source import lean_file
from prover.theorem import Header, Theorem
from prover.verdict import Verdict
from service.batches.jsonl import Id, read_items
from service.core.text import read_theorem, refusal
from service.ops.config import TextSettings

_LONGEST_FAMILY = 256  # characters; of longer ones, paths for instance, the end says more
_SKIPPED = frozenset({"build", "lake-packages"})  # beside hidden folders, as `.lake`: not the project's own files


@dataclass(frozen=True, slots=True)
class Entry:
    """A theorem to be proved.

    Attributes:
        id: how results name it; unique in its batch.
        theorem: None if it cannot be taken: `verdict` says why.
        family: what reports group it by.
        guard: the library theorem that it is, if it is one.
    """

    id: Id
    theorem: Theorem | None
    family: str = ""
    guard: str = ""
    verdict: Verdict | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """A part of a batch: each theorem is in exactly one of `count`, by its id alone."""

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """`2/5`: the second of five.

        Raises:
            UserError: it is nothing like that.
        """
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise UserError(f"a shard is written I/N, as in 2/5, and not {text!r}")
        return cls(int(number), int(count))

    def holds(self, entry: Entry) -> bool:
        """Whether the entry belongs to it."""
        digest = hashlib.sha256(str(entry.id).encode()).digest()
        return int.from_bytes(digest[:8]) % self.count == self.number - 1


def from_path(path: Path, limits: TextSettings) -> Iterator[Entry]:
    """The theorems of a file or folder: `.jsonl` lines `{id or name, statement, header?, context?, family?, guard?}`; or the
    `sorry`s of a `.lean` file, or of every one in a folder.

    Raises:
        UserError: it cannot be read, or is nothing of that kind.
    """
    if path.is_dir():
        files = sorted(each for each in path.rglob("*.lean") if _own(each.relative_to(path)))
        if not files:
            raise UserError(f"{path} holds no .lean file")
        for file in files:
            yield from _from_lean(file, file.relative_to(path).as_posix(), limits)
    elif path.suffix == ".lean":
        yield from _from_lean(path, path.name, limits)
    elif path.suffix == ".jsonl":
        for item in read_items(path, limits, with_candidates=False):
            yield Entry(item.id, item.theorem, item.family[-_LONGEST_FAMILY:], item.guard, item.verdict)
    else:
        raise UserError(f"{path} is neither a .jsonl file nor a .lean file nor a folder of those")


async def from_library(
    pool: WorkerPool, patterns: tuple[str, ...], header: Header, limits: TextSettings
) -> AsyncIterator[Entry]:
    """The theorems of imported modules, each guarded against proving itself by itself.

    Raises:
        UserError: no imported module fits a pattern.
        NoAnswerError: Lean could not list them.
    """
    modules = await library.modules(pool, patterns, header)
    if not modules:
        raise UserError(f"no imported module is called like {' or '.join(patterns)}")
    seen: set[str] = set()
    for module in modules:
        # In the order of their names: Lean gives none that lasts.
        listed = sorted(
            [each async for each in library.theorems(pool, module, header)], key=lambda each: each.theorem.name
        )
        for each in listed:
            name = each.theorem.name
            if name not in seen:
                seen.add(name)
                yield _entry(name, each.theorem.statement, header.text, "", module, name, limits)


def _from_lean(path: Path, name: str, limits: TextSettings) -> Iterator[Entry]:
    file = lean_file.read(path)
    for item in file.theorems:
        if item.hole:
            theorem = file.theorem(item)
            id_ = f"{name}:{item.line}:{item.name}"
            yield _entry(id_, theorem.statement, theorem.header.text, theorem.context, name, "", limits)


def _own(path: Path) -> bool:
    return not any(part.startswith(".") or part in _SKIPPED for part in path.parts)


def _entry(id_: str, statement: str, header: str, context: str, family: str, guard: str, limits: TextSettings) -> Entry:
    try:
        return Entry(id_, read_theorem(statement, header, context, limits), family[-_LONGEST_FAMILY:], guard)
    except InputError as error:
        return Entry(id_, None, family[-_LONGEST_FAMILY:], guard, refusal(error))
