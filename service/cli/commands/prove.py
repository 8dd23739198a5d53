"""`leansieve prove`."""

import contextlib
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from prover.assistance import fill
from prover.errors import UserError
from prover.options import Preference, Sampling, SearchOptions
from prover.receipt import Receipt
from prover.requests import Accepted, Event, Search, Service, StatementError
from prover.search.search import Proof
from prover.search.strategies import STRATEGIES
from prover.source import lean_file
from prover.source.lean_file import LeanFile
from service.cli import common, json_lines
from service.cli.progress import SearchDisplay
from service.core import receipts
from service.core.endings import ending
from service.core.text import printable, read_theorem
from service.ops.config import Settings


def prove(
    target: Annotated[
        str | None,
        typer.Argument(
            help="A .lean file with `sorry`s, or a statement.", metavar="FILE_OR_STATEMENT", show_default=False
        ),
    ] = None,
    write: Annotated[bool, typer.Option("--write", help="Write the proofs found into the file.")] = False,
    header: Annotated[str, typer.Option(help="Import, open and option lines of the statement.", metavar="TEXT")] = "",
    samples: common.Samples = None,
    seconds: common.Seconds = None,
    proofs: common.Proofs = None,
    prefer: Annotated[
        Preference, typer.Option(help="Which of the proofs found are the answer: fastest to check, shortest.")
    ] = Preference.FIRST,
    minimise: Annotated[bool, typer.Option("--minimise", help="Make the proofs as short as they can be.")] = False,
    sampler: common.Sampler = "",
    strategy: Annotated[
        str, typer.Option(help=f"How to search: {', '.join(STRATEGIES)}.", metavar="NAME", show_default=False)
    ] = "",
    focus: common.Focus = None,
    alpha: Annotated[
        float | None, typer.Option(help="Ask the model that was tuned at this α.", min=0, max=1, metavar="A")
    ] = None,
    seed: common.Seed = None,
    isolated: common.Isolated = False,
    crosscheck: common.Crosscheck = False,
    kernel: common.Kernel = None,
    policy: common.Policy = "default",
    check_seconds: common.CheckSeconds = None,
    receipt_folder: common.Receipts = None,
    jsonl: common.Jsonl = None,
    out: common.Out = None,
    server: common.Server = None,
    ca: common.Ca = None,
    token_file: common.TokenFile = None,
    workers: common.Workers = None,
    project: common.Project = None,
    pool: common.Pool = None,
    model: common.Model = None,
    config: common.Config = None,
    log_level: common.LogLevel = None,
) -> None:
    """Find proofs: of the theorems of a file whose proof is `sorry`, of one statement, or of a batch."""
    settings = common.client_settings(
        config,
        ca=ca,
        token_file=token_file,
        workers=workers,
        pool=pool,
        model=model,
        log_level=log_level,
        kernel=kernel,
    )
    settings, name = common.in_project(settings, project, server)
    if focus is not None and alpha is not None:
        raise UserError("--focus chooses among the models by what was measured, --alpha names one: give one of them")
    options = SearchOptions(
        common.budget(settings, samples, proofs, seconds),
        common.check_options(settings, check_seconds, policy, isolated, crosscheck),
        strategy=strategy,
        sampler=sampler,
        sampling=Sampling(focus=focus, alpha=alpha, seed=seed),
        prefer=prefer,
        minimise=minimise,
    )

    if jsonl is not None:
        if target is not None or write or out is None or receipt_folder is not None:
            raise UserError(
                "`--jsonl IN` goes with `--out OUT`, and without a file, a statement, --write or --receipts"
            )
        common.two_files(jsonl, out)
        common.run(json_lines.prove(settings, server, jsonl, out, options, name))
    elif target is None or out is not None:
        raise UserError("name a .lean file, a statement, or `--jsonl IN --out OUT`")
    elif target.endswith(".lean") or os.path.isfile(target):
        done = common.run(_prove_file(settings, server, Path(target), name, options, write, receipt_folder))
        raise typer.Exit(0 if done else 1)
    elif write:
        raise UserError("--write goes with a .lean file")
    else:
        theorem = read_theorem(target, header, "", settings.text).within(name)
        done = common.run(_prove_statement(settings, server, Search(theorem, options), receipt_folder))
        raise typer.Exit(0 if done else 1)


async def _prove_statement(settings: Settings, server: str | None, search: Search, receipt_folder: Path | None) -> bool:
    before = f"{search.theorem.statement} := "
    options = search.options
    as_found = options.prefer is Preference.FIRST and not options.minimise  # what is found first is the answer
    async with common.opened(settings, server) as (service, _):
        with SearchDisplay(options.budget) as display:
            display.begin("proving")

            def report(event: Event) -> None:
                display.report(event)
                if isinstance(event, Accepted):
                    common.stderr.print(common.shown(event.goal, "dim"))
                elif isinstance(event, Proof) and as_found:
                    _print_proof(before, event)

            try:
                proofs, finished = await fill.search(service, search, report)
            except StatementError as error:
                raise UserError(str(error)) from None
        if not as_found:
            for proof in proofs:
                _print_proof(before, proof)
        await _write_receipts(service, search, proofs, receipt_folder)
    if not proofs:
        common.stderr.print(f"no proof: {ending(finished)}")
    return bool(proofs)


async def _write_receipts(service: Service, search: Search, proofs: Sequence[Proof], folder: Path | None) -> None:
    if folder is not None:
        here = await receipts.toolchain(service, search.theorem.project)
        for proof in proofs:
            receipt = Receipt.of(search.theorem, proof.candidate, proof.verdict, search.options.check.limits, here)
            common.stderr.print(common.shown(f"wrote {receipts.write(folder, receipt)}"))


async def _prove_file(
    settings: Settings,
    server: str | None,
    path: Path,
    project: str,
    options: SearchOptions,
    write: bool,
    receipt_folder: Path | None,
) -> bool:
    file = replace(lean_file.read(path), project=project)
    holes = fill.holes(file)
    inside = {lean_file.line_and_column(file.text, hole.start)[0] for hole in holes}
    for line in file.unfilled:
        if line not in inside:
            common.stderr.print(common.shown(f"{path}:{line}: this sorry is left alone: it is in no theorem's proof"))
    if not holes:
        raise UserError(f"{path} has no `sorry` in the proof of a theorem")
    async with common.opened(settings, server) as (service, _):
        with SearchDisplay(options.budget) as display:
            done = await _fill(service, file, holes, options, display)
        filled, outcomes = done.file, done.outcomes
        for outcome in outcomes:
            _print_outcome(path, file, outcome)
            if outcome.proof and outcome.proof.verdict.verified:
                # the theorem as it was proved: later proofs in the file do not change what stands before it
                search = Search(filled.theorem(filled.theorems[outcome.number]), options)
                await _write_receipts(service, search, [outcome.proof], receipt_folder)
        if write and any(outcome.proof for outcome in outcomes):
            if done.failed:
                names = ", ".join(printable(hole.item.name) for hole in done.failed)
                raise UserError(f"{path} was left as it was: in the completed file {names} would not verify")
            lean_file.write(path, filled.text)
            common.stderr.print(common.shown(f"wrote {path}"))
    return all(outcome.proof for outcome in outcomes)


async def _fill(
    service: Service,
    file: LeanFile,
    holes: Sequence[fill.Hole],
    options: SearchOptions,
    display: SearchDisplay,
) -> fill.Filled:
    async with contextlib.aclosing(fill.fill(service, file, holes, options)) as events:
        async for event in events:
            match event:
                case fill.Begun(hole):
                    display.begin(hole.item.name)
                case fill.Searched(event=searched):
                    display.report(searched)
                case fill.Filled():
                    return event
    raise RuntimeError("the filling of a file ended without its last event")


def _print_proof(before: str, proof: Proof) -> None:
    common.stdout.print(common.shown(before + proof.candidate.text))
    remark = f"-- {proof.verdict.trust.name}, {proof.candidate.source}, {proof.seconds:.2f} s"
    common.stdout.print(common.shown(remark, "green"))


def _print_outcome(path: Path, file: LeanFile, outcome: fill.Outcome) -> None:
    item = outcome.item
    line = item.line if outcome.hole.whole else lean_file.line_and_column(file.text, outcome.hole.start)[0]
    where = f"{path}:{line}: {item.name}"
    if outcome.proof and outcome.hole.whole:
        common.stdout.print(common.shown(f"{where}: proved"))
        _print_proof("", outcome.proof)
    elif outcome.proof:
        common.stdout.print(common.shown(f"{where}: closed by {outcome.replacement}"))
    elif outcome.verdict:
        for message in outcome.verdict.messages:
            line, column = file.position(item, message)
            common.stdout.print(common.shown(f"{path}:{line}:{column}: {message.text}", "red"))
        common.stdout.print(common.shown(f"{where}: {outcome.verdict.kind.name}", "red"))
    else:
        why = ending(outcome.finished) if outcome.finished else "no tactic closes the goal"
        common.stdout.print(common.shown(f"{where}: no proof: {why}", "yellow"))
