"""The code action *disprove*: looks for a refutation of a theorem, or of the goal at a `sorry`, and writes it below the
theorem.
"""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from prover.assistance import closing, commands, disprove, fill
from prover.assistance.holes import Hole, HoleOutcome, Searched, holes_of
from prover.errors import UserError
from prover.events import Finished, NoteKind, Progress, Refutation
from prover.options import SearchOptions
from prover.requests import Event, Search, Service
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.tutor.proofs.routes import goal_theorem
from service.core.endings import ending, refuted
from service.lsp import sites, work
from service.lsp.display import remarks
from service.lsp.display.remarks import Remark
from service.lsp.sites import Site

_OF_THE_SEARCH = {NoteKind.NOT_NEGATED}  # notes that say nothing about the statement
_GOAL_SECONDS = 5.0  # to read the goal at a `sorry`
_NAMED = re.compile(r"theorem ([\w.'«»]+?)(?=\.\{|[\s:])")

Report = Callable[[str, float], None]


@dataclass(frozen=True, slots=True)
class RefutationTarget:
    """A possibly false proposition: a theorem of a document, or the goal at a `sorry` in its proof."""

    file: LeanFile
    item: Command
    hole: Hole | None = None

    @property
    def name(self) -> str:
        """Return its name for a sentence."""
        if self.hole is None:
            return self.item.name
        line, _ = lean_file.line_and_column(self.file.text, self.hole.start)
        return f"the goal in line {line}"


@dataclass(frozen=True, slots=True)
class RefutationResult:
    """The result of an attempted refutation.

    Attributes:
        said: one sentence.
        remarks: remarks on the statement.
        refutation: the refutation, if it is false.
    """

    said: str
    remarks: tuple[Remark, ...]
    refutation: Refutation | None = None


def doubted(file: LeanFile, start: int, end: int) -> RefutationTarget | None:
    """Return the target at a range: the theorem with a single `sorry`, or its goal, or the theorem whose statement is
    there.
    """
    holes = [hole for hole in holes_of(file) if hole.start <= end and start <= hole.end]
    if holes:
        (hole, *others) = holes
        stated = not others and hole.item.statement
        return RefutationTarget(file, hole.item, None if hole.whole else hole) if stated else None
    items = [item for item in file.theorems if item.at <= end and start <= remarks.statement_end(item)]
    return RefutationTarget(file, items[0]) if len(items) == 1 else None


async def refute(service: Service, what: RefutationTarget, options: SearchOptions, report: Report) -> RefutationResult:
    """Search for a refutation and a proof at the same time.

    Raises:
        UserError: as `Service.prove`, or the goal cannot be parsed back.
    """
    options = replace(options, disprove=True, as_found=True)

    def tell(event: Event) -> None:
        if isinstance(event, Progress):
            report(work.spending(what.name, event), min(1.0, event.checked / options.budget.samples))

    if what.hole is None:
        found = await _searched(service, what.file, what.item, options, tell)
    else:
        item, start = what.item, what.hole.start
        shortly = options.within_seconds(_GOAL_SECONDS)
        looked, file, _ = await commands.despite_faults(
            what.file, lambda file: service.suggest(closing.tactics(shortly, file, item, start, 1))
        )
        theorem = goal_theorem(file.theorem(item), looked.goals[0])
        _, found = await fill.search(service, Search(theorem, options), tell)
    return _result_of(what, found)


async def below(
    service: Service, what: RefutationTarget, found: Refutation, options: SearchOptions
) -> tuple[Site, str]:
    """Return position and text of a refutation below its theorem; Lean has verified it there.

    Raises:
        UserError: Lean rejects it there; otherwise as `Service.check`.
    """
    file, item = what.file, what.item
    line_end = f"{file.text}\n".index("\n", item.end)
    at = item.end if file.code[item.end : line_end].strip() else line_end  # after a comment on the same line
    margin = " " * lean_file.indentation(file.text, item.at)
    opened = "".join(f"{file.text[begin:end].rstrip()} in\n" for begin, end in item.prefixes)
    named = _NAMED.match(found.statement)
    statement = found.statement
    if named is not None:
        statement = f"theorem {disprove.fresh(named[1], file.text)}{statement[named.end() :]}"
    written = f"{opened}{statement} := {found.proof.candidate.text}".replace("\n", "\n" + margin)
    text = f"\n\n{margin}{written}"
    now = sites.read(file.text[:at] + text + file.text[at:], file.project)
    start = at + len(text) - len(written) + len(opened.replace("\n", "\n" + margin))
    placed = next((one for one in now.theorems if one.at == start), None)
    judged = placed and await commands.judge(service, now, placed, options.check)
    if not judged or not judged.verdict.verified:
        raise UserError(f"{item.name} is refuted, but Lean rejects the refutation below it: nothing was inserted")
    return Site(file, item, at, at, file, ()), text


async def _searched(
    service: Service, file: LeanFile, item: Command, options: SearchOptions, tell: Callable[[Event], None]
) -> Finished:
    """Search for a proof of a theorem, ignoring its current proof."""
    bare = sites.read(file.text[: remarks.statement_end(item)] + ":= sorry" + file.text[item.proof_end :], file.project)
    (hole,) = (hole for hole in holes_of(bare) if hole.item.at == item.at)
    async with contextlib.aclosing(fill.fill(service, bare, [hole], options, judge_file=False)) as events:
        async for event in events:
            if isinstance(event, Searched):
                tell(event.event)
            elif isinstance(event, HoleOutcome):
                if event.finished is None:
                    raise UserError(work.why(bare, [event]))
                return event.finished
    raise RuntimeError("the filling of a file ended without its last event")


def _result_of(what: RefutationTarget, found: Finished) -> RefutationResult:
    if what.hole is None:
        about_goal = remarks.of_notes(
            what.file, what.item, (note for note in found.notes if note.kind not in _OF_THE_SEARCH)
        )
    else:
        about_goal = []  # for the goal, which does not appear in the document
    if found.refutation is not None:
        false = remarks.of_refutation(what.file, what.item, what.hole, found.refutation)
        return RefutationResult(f"{what.name} is {refuted(found.refutation)}", (*about_goal, false), found.refutation)
    if found.proofs:
        return RefutationResult(f"{what.name} is not false: a proof of it was found", tuple(about_goal))
    unsaid = [note.text for note in found.notes if note.kind in _OF_THE_SEARCH]
    why = "; ".join([ending(found), *unsaid])
    return RefutationResult(f"neither a refutation of {what.name} nor a proof was found: {why}", tuple(about_goal))
