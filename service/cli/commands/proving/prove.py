"""`leansieve prove`."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from prover.assistance import fill
from prover.assistance.holes import CommandRejected, Filled, Hole, HoleOutcome, HoleStarted, Searched, holes_of
from prover.errors import UserError
from prover.events import Minimised, Proof, Refutation, StatementNote
from prover.options import Preference, SearchOptions
from prover.receipts.receipt import Receipt
from prover.requests import Accepted, Event, Search, Service, StatementError, UnavailableError
from prover.source import disk, lean_file, showing, typed
from prover.source.faults import left_open
from prover.source.lean_file import LeanFile
from prover.source.typed import read_theorem
from prover.theorem import Theorem
from service.batch.run.inputs import lean_files
from service.cli import common, json_lines
from service.cli.common import Setup
from service.cli.flags import Given, Without, with_flags
from service.cli.progress import SearchDisplay
from service.core import receipts
from service.core.endings import ending, refuted
from service.core.limits.text import CHECK_COMMAND, printable
from service.ops.config import Settings


@with_flags
def prove(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A .lean file with `sorry`s, a folder of them, or a statement.",
            metavar="FILE_OR_STATEMENT",
            show_default=False,
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the proofs found into the file.")] = False,
    header: Annotated[str, typer.Option(help="Import, open and option lines of the statement.", metavar="TEXT")] = "",
    receipt_folder: common.Receipts = None,
    jsonl: common.Jsonl = None,
    out: common.Out = None,
    *,
    asked: Annotated[Given[SearchOptions], Without("store", "repeat")],
    setup: Setup,
) -> None:
    """Find proofs: of the theorems of a file whose proof is `sorry`, of one statement, or of a batch."""
    settings, project = setup.in_project()
    options = common.search_options(asked, settings)
    named = target is not None and (target.endswith(".lean") or os.path.exists(target))

    if jsonl is not None:
        if target is not None or write or out is None or receipt_folder is not None:
            raise UserError(
                "`--jsonl IN` goes with `--out OUT`, and without a file, a statement, --write or --receipts"
            )
        common.two_files(jsonl, out)
        # For thousands of theorems, an additional second each is too much.
        options = replace(options, as_found=not options.minimise)
        done = common.run(json_lines.prove(settings, setup.server, jsonl, out, options, project))
    elif out is not None:
        raise UserError(
            "--out goes with `--jsonl IN`: the proofs of a statement are printed, those of a .lean file written into it with --write"
        )
    elif target is None:
        raise UserError("name a .lean file, a statement, or `--jsonl IN --out OUT`")
    elif named:
        files, unreadable = _open_files(Path(target), project)
        for line in unreadable:
            common.stderr.print(common.shown(line, "red"))
        done = common.run(_prove_files(settings, setup.server, files, options, write, receipt_folder))
        done = done and not unreadable
    elif write:
        raise UserError("--write goes with a .lean file")
    else:
        _refuse_other_command(target)
        search = Search(read_theorem(target, header, "", settings.text, instead=CHECK_COMMAND).within(project), options)
        done = common.run(_prove_statement(settings, setup.server, search, receipt_folder))
    raise typer.Exit(0 if done else 1)


def _refuse_other_command(text: str) -> None:
    """Raise UserError if a statement is another command."""
    if other := typed.other_command(text):
        raise UserError(
            f"`{other}` is not a theorem: `leansieve prove` takes a statement, `theorem NAME binders : goal`, or a file with `sorry` in it"
        )


async def _prove_statement(
    settings: Settings,
    server: str | None,
    search: Search,
    receipt_folder: Path | None,
) -> bool:
    before = f"{search.theorem.statement} := "
    options = search.options
    # If several proofs are wanted, each is printed when it is found; a single one when it has been made readable,
    # within a second.
    straight = options.as_found or options.budget.proofs > 1
    at_once = options.prefer is Preference.FIRST and not options.minimise and straight
    async with common.opened(settings, server, options) as (service, _):
        with SearchDisplay(options.budget) as display:
            display.begin("proving")

            def report(event: Event) -> None:
                display.report(event)
                if isinstance(event, Accepted):
                    common.stderr.print(common.shown(event.goal, "dim"))
                elif isinstance(event, Proof) and at_once:
                    _print_proof(before, event)
                elif isinstance(event, Minimised) and at_once:
                    common.stdout.print(common.shown("-- reads better than the one above of its source:", "dim"))
                    _print_proof(before, event.proof)
                elif isinstance(event, Proof):
                    common.stderr.print(common.shown(f"found: {event.candidate.text}", "dim"))

            try:
                proofs, finished = await fill.search(service, search, report)
            except StatementError as error:
                raise UserError(_why_not_taken(error, search.theorem)) from None
        _print_notes(finished.notes)
        if finished.refutation is not None:
            _print_refutation("", finished.refutation)
            await _write_refutation(service, search, finished.refutation, receipt_folder)
            return False
        if not at_once:
            for proof in proofs:
                _print_proof(before, proof)
        await _write_receipts(service, search, proofs, receipt_folder)
    if not proofs:
        common.stderr.print(f"no proof: {ending(finished)}" + (", and no refutation" if options.disprove else ""))
    return bool(proofs)


def _print_notes(notes: Sequence[StatementNote], where: str = "") -> None:
    for note in notes:
        common.stderr.print(common.shown(f"{where}note: {note.text}", "yellow"))


def _print_refutation(where: str, found: Refutation) -> None:
    common.stdout.print(common.shown(f"{where or '-- '}{refuted(found)}"))
    common.stdout.print(common.shown(f"{found.statement} := {found.proof.candidate.text}"))


async def _write_refutation(service: Service, search: Search, found: Refutation, receipt_folder: Path | None) -> None:
    against = replace(search, theorem=replace(search.theorem, statement=found.statement))
    await _write_receipts(service, against, [found.proof], receipt_folder)


def _why_not_taken(error: StatementError, theorem: Theorem) -> str:
    """Return Lean's first message about a statement, with advice."""
    reason = str(error)
    unknown = any("nknown identifier" in message.text for message in error.verdict.messages)
    if unknown and typed.NAME in theorem.statement:
        reason += "; declare each variable before the goal, as in `(a b : Nat) : a + b = b + a`"
    return reason


async def _write_receipts(service: Service, search: Search, proofs: Sequence[Proof], folder: Path | None) -> None:
    if folder is not None:
        here = await receipts.toolchain(service, search.theorem.project)
        for proof in proofs:
            receipt = Receipt.of(search.theorem, proof.candidate, proof.verdict, search.options.check.limits, here)
            common.stderr.print(common.shown(f"wrote {receipts.write(folder, receipt)}"))


async def _prove_files(
    settings: Settings,
    server: str | None,
    files: Sequence[tuple[Path, LeanFile]],
    options: SearchOptions,
    write: bool,
    receipt_folder: Path | None,
) -> bool:
    """Prove the open theorems of files; an error in one file does not stop the others."""
    done = True
    async with common.opened(settings, server, options) as (service, _):
        for path, file in files:
            try:
                done &= await _prove_file(service, path, file, options, write, receipt_folder)
            except UserError as error:
                if len(files) == 1 or isinstance(error, UnavailableError):
                    raise
                common.stderr.print(common.shown(str(error), "red"))
                done = False
    return done


def _open_files(path: Path, project: str) -> tuple[list[tuple[Path, LeanFile]], list[str]]:
    """Return the files with open theorems, in a folder or as named, and errors for unreadable ones.

    Raises:
        UserError: there are none.
    """
    unreadable: list[str] = []
    if not path.is_dir():
        file = replace(disk.read(path), project=project)
        if not file.open and not holes_of(file):
            raise UserError(f"{path} has no `sorry`: `leansieve check` checks its proofs")
        return [(path, file)], []
    files: list[tuple[Path, LeanFile]] = []
    for each in lean_files(path, lambda error: unreadable.append(f"cannot read {error.filename}: {error.strerror}")):
        try:
            file = replace(disk.read(each), project=project)
        except UserError as error:
            unreadable.append(str(error))
            continue
        if file.open or holes_of(file):
            files.append((each, file))
    if not files:
        raise UserError("; ".join([*unreadable, f"{path} holds no .lean file with a `sorry`"]))
    return files, unreadable


async def _prove_file(
    service: Service,
    path: Path,
    file: LeanFile,
    options: SearchOptions,
    write: bool,
    receipt_folder: Path | None,
) -> bool:
    holes = holes_of(file)
    for command in file.open:
        line, column = lean_file.line_and_column(file.text, command.start)
        common.stdout.print(common.shown(f"{path}:{line}:{column}: {command.why}", "yellow"))
    with SearchDisplay(options.budget) as display:
        done = await _fill(service, path, file, holes, options, display)  # prints each outcome when it is known
    filled, outcomes = done.file, done.outcomes
    for outcome in outcomes:
        if outcome.proof and outcome.proof.verdict.verified and outcome.item.statement:
            # the theorem as proved: later proofs in the file do not change the text before it
            search = Search(filled.theorem(filled.commands[outcome.hole.command]), options)
            await _write_receipts(service, search, [outcome.proof], receipt_folder)
        elif outcome.finished and outcome.finished.refutation:
            # its context has the same theorems, with other proofs
            search = Search(filled.theorem(filled.commands[outcome.hole.command]), options)
            await _write_refutation(service, search, outcome.finished.refutation, receipt_folder)
    reported = {outcome.hole.command for outcome in outcomes}
    messages = left_open(filled, done.verdict, reported) if done.verdict else ()
    for fault in messages:
        at = filled.line_in(file, fault.number, fault.line)
        common.stdout.print(common.shown(f"{path}:{at}: {fault.text}", "red"))
    if left_out := showing.not_run(showing.showing(file.commands)):
        common.stdout.print(common.shown(f"{path}: {left_out}", "yellow"))
    if write and any(outcome.proof for outcome in outcomes):
        if done.failed:
            names = ", ".join(printable(hole.item.name) for hole in done.failed)
            raise UserError(f"{path} was left as it was: in the completed file {names} would not verify")
        disk.write(path, filled.text, file.text)
        common.stderr.print(common.shown(f"wrote {path}"))
    return all(outcome.proof for outcome in outcomes) and not (file.open or messages or filled.fallen)


async def _fill(
    service: Service,
    path: Path,
    file: LeanFile,
    holes: Sequence[Hole],
    options: SearchOptions,
    display: SearchDisplay,
) -> Filled:
    async with contextlib.aclosing(fill.fill(service, file, holes, options)) as events:
        async for event in events:
            match event:
                case HoleStarted(hole):
                    display.begin(hole.item.name)
                case Searched(event=searched):
                    display.report(searched)
                case CommandRejected(fault):
                    line = f"{path}:{fault.line}:{fault.column}: error: {fault.text}"
                    common.stdout.print(common.shown(line, "red"))
                case HoleOutcome():
                    _print_outcome(path, file, event)
                case Filled():
                    return event
    raise RuntimeError("the filling of a file ended without its last event")


def _print_proof(before: str, proof: Proof) -> None:
    common.stdout.print(common.shown(before + proof.candidate.text))
    verdict = proof.verdict
    remark = f"-- {verdict.trust.name}, {verdict.path.value}, {proof.candidate.source}, {proof.seconds:.2f} s{common.axioms(verdict)}"
    common.stdout.print(common.shown(remark, "green"))


def _print_outcome(path: Path, file: LeanFile, outcome: HoleOutcome) -> None:
    item = outcome.item
    line = item.line if outcome.hole.whole else lean_file.line_and_column(file.text, outcome.hole.start)[0]
    where = f"{path}:{line}: {item.name}"
    _print_notes(outcome.finished.notes if outcome.finished else (), f"{where}: ")
    if outcome.proof and outcome.hole.whole:
        common.stdout.print(common.shown(f"{where}: proved"))
        _print_proof("", outcome.proof)
        if warning := common.assumption(str(path), file, item, outcome.proof.verdict):
            common.stdout.print(common.shown(warning, "yellow"))
    elif outcome.proof:
        common.stdout.print(common.shown(f"{where}: closed by {outcome.replacement}"))
    elif outcome.verdict:
        for message in outcome.verdict.messages:
            line, column = file.position(item, message)
            common.stdout.print(common.shown(f"{path}:{line}:{column}: {message.text}", "red"))
        common.stdout.print(common.shown(f"{where}: {outcome.verdict.kind.name}", "red"))
    elif outcome.finished and outcome.finished.refutation:
        _print_refutation(f"{where}: ", outcome.finished.refutation)
    else:
        none = "time is over" if outcome.timed_out else "no tactic closes the goal"
        why = ending(outcome.finished) if outcome.finished else none
        common.stdout.print(common.shown(f"{where}: no proof: {why}", "yellow"))
