"""`leansieve check`."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from prover.assistance import commands, fill
from prover.assistance.against import Solution
from prover.errors import InputError, UserError
from prover.options import CheckOptions
from prover.receipts.receipt import Receipt
from prover.source import disk, lean_file, showing, typed
from prover.source.faults import Fault, left_open
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.source.typed import take
from prover.theorem import Header, HeaderError
from prover.verdict import Trust, Verdict, VerdictKind
from service.cli import common, json_lines
from service.cli.common import Setup
from service.cli.flags import Given, Without, with_flags
from service.cli.solutions import check_solution
from service.core import receipts
from service.core.limits.admission import admit_limits, bounds
from service.ops.config import Settings


@dataclass(frozen=True, slots=True)
class Challenge:
    """The flags for checking a file as a solution."""

    against: Annotated[
        Path | None,
        typer.Option(
            "--against", help="Check FILE as a solution of this file.", metavar="CHALLENGE", show_default=False
        ),
    ] = None
    theorem: Annotated[
        list[str] | None, typer.Option("--theorem", help="With --against: only this theorem.", metavar="NAME")
    ] = None
    definition: Annotated[
        list[str] | None,
        typer.Option("--definition", help="With --against: this definition is the solution's to give.", metavar="NAME"),
    ] = None
    axiom: Annotated[
        list[str] | None,
        typer.Option(
            "--axiom", help="With --against: axiom allowed in addition to the standard three.", metavar="NAME"
        ),
    ] = None
    json_out: Annotated[
        Path | None,
        typer.Option("--json", help="With --against: write the verdicts here.", metavar="FILE", show_default=False),
    ] = None

    async def check(
        self, settings: Settings, server: str | None, file: Path, project: str, options: CheckOptions
    ) -> bool:
        """Return whether every part of the challenge is solved."""
        assert self.against is not None
        solution = Solution(
            disk.read(self.against),
            disk.read(file),
            tuple(self.theorem or ()),
            tuple(self.definition or ()),
            tuple(self.axiom or ()),
            project,
            options,
        )
        return await check_solution(settings, server, self.against, file, solution, self.json_out)


@with_flags
def check(
    file: Annotated[
        str | None,
        typer.Argument(
            help="A .lean file, whose theorems are checked; a receipt (.json); or a theorem with its proof.",
            metavar="FILE_OR_THEOREM",
            show_default=False,
        ),
    ] = None,
    receipt_folder: common.Receipts = None,
    jsonl: common.Jsonl = None,
    out: common.Out = None,
    *,
    challenged: Challenge,
    asked: Given[CheckOptions],
    setup: Annotated[Setup, Without("model")],
) -> None:
    """Check proofs: of the theorems of a file, of a receipt, or of a batch."""
    settings, project = setup.in_project()
    options = common.check_options(asked, settings)
    if challenged.against is not None:
        if file is None or jsonl is not None or out is not None or receipt_folder is not None:
            raise UserError(
                "`--against CHALLENGE` goes with one file, the solution, and without --jsonl and --receipts"
            )
        good = common.run(challenged.check(settings, setup.server, Path(file), project, options))
    elif challenged != Challenge():
        raise UserError("--theorem, --definition, --axiom and --json go with --against CHALLENGE")
    elif jsonl is not None:
        if file is not None or out is None or receipt_folder is not None:
            raise UserError("`--jsonl IN` goes with `--out OUT`, and without a file or --receipts")
        common.two_files(jsonl, out)
        good = common.run(json_lines.check(settings, setup.server, jsonl, out, options, project))
    elif file is None or out is not None:
        raise UserError("name a .lean file, a receipt, or `--jsonl IN --out OUT`")
    elif file.endswith(".json"):
        good = common.run(_check_receipt(settings, setup.server, Path(file), options.trust is Trust.CROSS_CHECKED))
    else:
        shown, read = _read(file, settings)
        read = replace(read, project=project)
        good = common.run(_check_file(settings, setup.server, shown, read, options, receipt_folder))
    raise typer.Exit(0 if good else 1)


def _read(file: str, settings: Settings) -> tuple[str, LeanFile]:
    """Return display name and content of the file: a named one, or the typed text.

    Raises:
        UserError: it cannot be read.
    """
    if os.path.exists(file) or file.endswith(".lean"):
        return file, disk.read(Path(file))
    if ":=" in file or typed.is_theorem(file):
        return "typed", _typed(file, settings)
    raise UserError(
        f"{file!r} is neither a file nor a theorem with a proof: name a .lean file or a receipt, or write "
        "`theorem NAME binders : goal := proof`"
    )


def _typed(text: str, settings: Settings) -> LeanFile:
    """Return typed text as a file; without imports it gets the default header."""
    try:
        file = lean_file.parse(take("file", text, settings.text.candidate))
    except HeaderError as error:
        raise UserError(str(error)) from None
    if not file.theorems:
        raise UserError("there is no theorem with a proof: write `theorem NAME binders : goal := proof`")
    return file if file.body else replace(file, header=Header())


async def _check_receipt(settings: Settings, server: str | None, path: Path, crosscheck: bool) -> bool:
    receipt = receipts.read(path)
    if server is None:  # its author is unknown; a server applies its own limits
        _, most = bounds(settings)
        try:
            admit_limits(receipt.as_limits(), most.limits)
        except InputError as error:
            raise UserError(f"{path}: {error}; `check.maximum_…` in the settings says how much") from None
    trust = Trust.CROSS_CHECKED if crosscheck or receipt.trust == "CROSS_CHECKED" else Trust.ISOLATED_REPLAY
    async with common.opened(settings, server) as (service, _):
        here = await receipts.toolchain(service, receipt.project)
        try:
            verdict, differences = await receipt.check_again(receipts.ServiceChecker(service, trust), here)
        except InputError as error:
            raise UserError(f"{path}: {error}") from None
    for difference in differences:
        common.stdout.print(common.shown(f"{path}: {difference}", "yellow"))
    result = f"{verdict.kind.name} {verdict.trust.name}, {verdict.path.value}"
    if verdict.verified and differences:  # an altered receipt must not be taken for a verified one
        result = f"DIFFERS; the proof in it is accepted here ({verdict.trust.name}, {verdict.path.value}), but it is not what the receipt says"
    good = verdict.verified and not differences
    common.stdout.print(common.shown(f"{path}: {receipt.theorem}: {result}", "green" if good else "red"))
    return good


async def _check_file(
    settings: Settings,
    server: str | None,
    path: str,
    file: LeanFile,
    options: CheckOptions,
    receipt_folder: Path | None,
) -> bool:
    reported: set[int] = set()
    good = True
    async with common.opened(settings, server) as (service, _):
        for number, item in enumerate(file.commands):
            if not item.statement:
                continue
            judged = await commands.judge(service, file, item, options)
            verdict, asked, file = judged.verdict, judged.check, judged.file
            _print_faults(path, (fault for fault in judged.faults if fault.number not in reported))
            reported.update(fault.number for fault in judged.faults)
            good &= verdict.verified and not judged.faults
            reported.add(number)
            if receipt_folder is not None and verdict.verified:
                here = await receipts.toolchain(service, asked.theorem.project)
                receipts.write(
                    receipt_folder, Receipt.of(asked.theorem, asked.candidate, verdict, options.limits, here)
                )
            _print_verdict(path, file, item, verdict)
            # A theorem whose proof uses `sorry` is assumed below; any other failing proof might give later ones an
            # axiom.
            if not verdict.verified and (verdict.trust is Trust.NONE or verdict.kind is not VerdictKind.INCOMPLETE):
                file = file.without(number)
        verdict = await fill.whole_verdict(service, file, options)
        messages = left_open(file, verdict, reported)
        _print_faults(path, messages)
        if left_out := showing.not_run(showing.showing(file.commands)):
            common.stdout.print(common.shown(f"{path}: {left_out}", "yellow"))
        if not reported and not messages:
            common.stdout.print(common.shown(f"{path}: no theorem; Lean takes all that it declares", "green"))
    return good and not messages


def _print_verdict(path: str, file: LeanFile, item: Command, verdict: Verdict) -> None:
    source = f", also by {verdict.kernel}" if verdict.verified and verdict.kernel else ""
    if verdict.assumed:
        source += f", on {len(verdict.assumed)} theorems of the library as they are"
    line = f"{path}:{item.line}: {item.name}: {verdict.kind.name} {verdict.trust.name}, {verdict.path.value}{source}{common.axioms(verdict)}"
    common.stdout.print(common.shown(line, "green" if verdict.verified else "red"))
    if warning := common.assumption(path, file, item, verdict):
        common.stdout.print(common.shown(warning, "yellow"))
    for message in verdict.messages:
        at, column = file.position(item, message)
        common.stdout.print(common.shown(f"{path}:{at}:{column}: {message.severity}: {message.text}"))


def _print_faults(path: str, faults: Iterable[Fault]) -> None:
    for fault in faults:
        common.stdout.print(common.shown(f"{path}:{fault.line}:{fault.column}: error: {fault.text}", "red"))
