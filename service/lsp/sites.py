"""The places of a document where proofs are wanted: its `sorry`s, or an open position in a tactic block, where `sorry`s
are inserted and filled.
"""

import itertools
import re
from dataclasses import dataclass, replace

from prover.assistance import closing, commands
from prover.assistance.holes import Hole, holes_of
from prover.assistance.place import find
from prover.assistance.suggest import FilePosition
from prover.errors import UserError
from prover.options import SearchOptions
from prover.requests import Service
from prover.source import disk, lean_file
from prover.source.lean_file import LeanFile
from prover.source.lexer import tokenize
from prover.source.scanner import Command
from prover.theorem import HeaderError

_BY = re.compile(r"(?<![\w.'])by\b")


@dataclass(frozen=True, slots=True)
class Site:
    """Holes to fill, and the range of the document that changes.

    Attributes:
        document: the file as the editor has it.
        last: the last theorem of the document with one of the holes.
        start, end: offsets of the range in the document.
        file: the document, possibly with `sorry`s inserted in that range.
        holes: holes of `file`, all within the range.
    """

    document: LeanFile
    last: Command
    start: int
    end: int
    file: LeanFile
    holes: tuple[Hole, ...]

    def replacement(self, filled: LeanFile) -> str:
        """Return the new text of the range after holes are filled."""
        return filled.text[self.start : len(filled.text) - (len(self.document.text) - self.end)]

    def holds_in(self, text: str) -> bool:
        """Whether proofs found for the document are valid in `text`: the texts are equal up to the end of the last
        theorem.
        """
        end = max(self.end, self.last.proof_end)
        if text[:end] != self.document.text[:end]:
            return False
        try:
            items = lean_file.parse(text).commands
        except HeaderError:
            return False
        # Text added directly after it may belong to the proof.
        return any((item.at, item.proof_end) == (self.last.at, self.last.proof_end) for item in items)


def read(text: str, project: str = "") -> LeanFile:
    """Parse the document as a file.

    Raises:
        UserError: it is too large, or its imports are malformed.
    """
    if len(text.encode(errors="replace")) > disk.LONGEST:
        raise UserError(f"the document is larger than {disk.LONGEST:,} bytes")
    try:
        return replace(lean_file.parse(text), project=project)
    except HeaderError as error:
        raise UserError(str(error)) from None


def of_sorries(file: LeanFile, start: int, end: int) -> Site | None:
    """Return the `sorry`s that overlap a range; None if there are none."""
    holes = tuple(hole for hole in holes_of(file) if hole.start <= end and start <= hole.end)
    return Site(file, holes[-1].item, holes[0].start, holes[-1].end, file, holes) if holes else None


def open_place(file: LeanFile, offset: int) -> int | None:
    """Return the end of the tactic line at an offset, or the offset on a blank line; None outside tactic blocks."""
    begins, ends = file.text.rfind("\n", 0, offset) + 1, file.text.find("\n", offset)
    line_end = len(file.text) if ends == -1 else ends
    at = line_end if file.text[begins:line_end].strip() else offset
    item = around(file, at)
    if item is None or item.hole or not _BY.search(file.text, item.proof_start, min(at, item.proof_end)):
        return None
    # Comments may follow the proof.
    return item.proof_end if file.text[item.proof_end : at].strip() else at


async def of_open_goals(service: Service, file: LeanFile, at: int, options: SearchOptions) -> Site:
    """Return a site with a `sorry` for each open goal at an `open_place`.

    Raises:
        UserError: no goal is open there; otherwise as `Service.suggest`.
    """
    item = around(file, at)
    if item is None:
        raise UserError("no proof of a theorem is there")
    site = _with_sorries(file, item, at, 1)
    inside = site.holes[0].item
    judged = await commands.judge(service, site.file, inside, options.check)
    if closing.holds(judged.verdict, complete=False):
        return site
    looked, *_ = await commands.despite_faults(
        file, lambda file: service.suggest(closing.tactics(options, file, item, at, 1))
    )
    return _with_sorries(file, item, at, len(looked.goals))


def around(file: LeanFile, at: int) -> Command | None:
    """Return the theorem whose proof contains an offset, or precedes it with only blanks and comments of the proof
    between.
    """
    before = [item for item in file.theorems if item.proof_start <= at]
    if not before:
        return None
    item = before[-1]
    behind = file.text[item.proof_end : at]
    # A comment indented no deeper than the theorem belongs to the next command.
    column = lean_file.indentation(file.text, item.at)
    other = any(tokenize(behind)) or re.search(rf"\n {{0,{column}}}\S", behind)
    return None if other else item


def _with_sorries(file: LeanFile, item: Command, at: int, goals: int) -> Site:
    """Return the document with that many `sorry`s, each with its own bullet if there are several."""
    before = find(FilePosition(file.text, *lean_file.line_and_column(file.text, at))).before.removeprefix(
        file.lead(item)
    )
    pairs = zip(before, file.text[item.proof_start : at], strict=False)
    common = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))
    start = item.proof_start + common
    column = len(before) - (before.rfind("\n") + 1)
    alone = not before[len(before) - column :].strip()
    sorries = ("\n" + " " * column).join(["· sorry"] * goals) if goals > 1 and alone else "sorry"
    replacement = before[common:] + sorries
    changed = replace(lean_file.parse(file.text[:start] + replacement + file.text[at:]), project=file.project)
    # The `by` of an empty block is the user's own; the found proof follows it.
    holes = tuple(
        replace(hole, start=max(hole.start, hole.end - len("sorry")))
        for hole in holes_of(changed)
        if hole.start < start + len(replacement) and start < hole.end
    )
    if not holes:
        raise UserError("no tactic can be put there")
    return Site(file, item, start, at, changed, holes)
