"""The work of code actions: fills the holes of a site, or finds tactics for one; each message is a single sentence."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from prover.assistance import closing, commands, fill
from prover.assistance.holes import Filled, HoleOutcome, HoleStarted, Searched, holes_of
from prover.assistance.suggest import TacticOutcome
from prover.options import SearchOptions
from prover.requests import Service, Starting
from prover.search.search import Progress
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from prover.verdict import Verdict
from service.core.endings import ending
from service.lsp.display import remarks
from service.lsp.display.remarks import Remark
from service.lsp.sites import Site

_MOST_SUGGESTIONS = 8
_MOST_CHOICES = 4


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement for the range of a site, all verified in place, and a sentence if something is left open."""

    text: str
    left_open: str = ""


@dataclass(frozen=True, slots=True)
class WorkFailure:
    """The reason for a missing edit, in one sentence."""

    why: str


@dataclass(frozen=True, slots=True)
class StatementRemarks:
    """Peculiarities of statements, as remarks on a text: the document with the found proofs."""

    text: str
    remarks: tuple[Remark, ...]


@dataclass(frozen=True, slots=True)
class Choices:
    """Closing tactics, each with its verified edit, and other useful tactics, which are only displayed."""

    closing: tuple[tuple[str, Edit], ...]
    leading: tuple[str, ...]
    timed_out: bool
    """Whether more time might have found more."""


async def prove(
    service: Service, site: Site, options: SearchOptions, report: Callable[[str, float], None]
) -> tuple[Edit | WorkFailure, StatementRemarks]:
    """Fill the holes of a site; remarks on their theorems are reported in any case.

    Args:
        report: called with the activity and the completed share.

    Raises:
        UserError: as `Service.prove`.
    """
    done = 0
    async with contextlib.aclosing(fill.fill(service, site.file, site.holes, options, judge_file=False)) as events:
        async for event in events:
            match event:
                case HoleStarted(hole):
                    report(hole.item.name, done / len(site.holes))
                case Searched(hole, Starting(activity)):
                    report(f"{hole.item.name}: {activity}", done / len(site.holes))
                case Searched(hole, Progress() as spent):
                    share = min(1.0, spent.checked / options.budget.samples)
                    report(spending(hole.item.name, spent), (done + share) / len(site.holes))
                case HoleOutcome():
                    done += 1
                case Filled():
                    return _edit_of(site, event), _noticed(event)
    raise RuntimeError("the filling of a file ended without its last event")


async def suggest(service: Service, site: Site, options: SearchOptions) -> Choices:
    """Return tactics for the first hole of a site.

    Raises:
        UserError: as `Service.suggest`.
    """
    hole = site.holes[0]
    before = sum(one.command == hole.command and one.number < hole.number for one in holes_of(site.file))
    looked, *_ = await commands.despite_faults(
        site.file, lambda file: closing.look(service, file, hole.command, before, options, _MOST_SUGGESTIONS)
    )
    found: list[tuple[str, Edit]] = []
    async with contextlib.aclosing(looked.closings(service)) as closings:
        async for proof, replacement in closings:
            filled = site.file.filled(site.file.commands[hole.command], proof.candidate.text)
            found.append((replacement, Edit(site.replacement(filled))))
            if len(found) == _MOST_CHOICES:
                break
    tried = looked.suggestions.suggestions
    leading = tuple(one.tactic for one in tried if one.outcome is TacticOutcome.PROGRESS)
    return Choices(tuple(found), leading, looked.suggestions.timed_out)


def _edit_of(site: Site, filled: Filled) -> Edit | WorkFailure:
    proved = [outcome for outcome in filled.outcomes if outcome.proof]
    if filled.failed:
        names = ", ".join(dict.fromkeys(hole.item.name for hole in filled.failed))
        return WorkFailure(f"proofs were found, but with them in place {names} would not verify")
    if not proved:
        return WorkFailure(why(site.file, filled.outcomes))
    if len(proved) == len(filled.outcomes):
        return Edit(site.replacement(filled.file))
    open_ones = [outcome for outcome in filled.outcomes if not outcome.proof]
    summary = f"{len(proved)} of {len(filled.outcomes)} proved; {why(site.file, open_ones)}"
    return Edit(site.replacement(filled.file), summary)


def _noticed(filled: Filled) -> StatementRemarks:
    file = filled.file
    told = [(file.commands[one.hole.command], one.finished.notes) for one in filled.outcomes if one.finished]
    return StatementRemarks(
        file.text, tuple(remark for item, notes in told for remark in remarks.of_notes(file, item, notes))
    )


def spending(name: str, spent: Progress) -> str:
    """Return the spending of a search so far."""
    return f"{name}: {spent.sampled} sampled, {spent.checked} checked"


def why(file: LeanFile, outcomes: Sequence[HoleOutcome]) -> str:
    """Return the reason why the first of these has no proof."""
    outcome = outcomes[0]
    item = outcome.item
    if outcome.verdict is not None:
        return f"{item.name}: {_first_error(file, outcome, outcome.verdict)}"
    why = ending(outcome.finished) if outcome.finished else "no tactic closes the goal"
    line, _ = lean_file.line_and_column(file.text, outcome.hole.start)
    return f"no proof of {item.name} (line {line}): {why}"


def _first_error(file: LeanFile, outcome: HoleOutcome, verdict: Verdict) -> str:
    message = next((one for one in verdict.messages if one.severity == "error"), None)
    if message is None:
        return verdict.kind.name
    line, column = file.position(outcome.item, message)
    return f"{line}:{column}: {message.text.partition(chr(10))[0]}"
