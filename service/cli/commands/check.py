"""`leansieve check`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from prover.candidate import Candidate
from prover.errors import InputError, UserError
from prover.options import CheckOptions
from prover.receipt import Receipt
from prover.requests import Check
from prover.source import lean_file
from prover.verdict import Trust
from service.cli import common, json_lines
from service.core import receipts
from service.core.admission import admit_limits, bounds
from service.ops.config import Settings


def check(
    file: Annotated[
        Path | None,
        typer.Argument(help="A .lean file, whose theorems are checked, or a receipt (.json).", show_default=False),
    ] = None,
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
    config: common.Config = None,
    log_level: common.LogLevel = None,
) -> None:
    """Check proofs: of the theorems of a file, of a receipt, or of a batch."""
    settings = common.client_settings(
        config, ca=ca, token_file=token_file, workers=workers, pool=pool, log_level=log_level, kernel=kernel
    )
    options = common.check_options(settings, check_seconds, policy, isolated, crosscheck)
    settings, name = common.in_project(settings, project, server)

    if jsonl is not None:
        if file is not None or out is None or receipt_folder is not None:
            raise UserError("`--jsonl IN` goes with `--out OUT`, and without a file or --receipts")
        common.two_files(jsonl, out)
        common.run(json_lines.check(settings, server, jsonl, out, options, name))
    elif file is None or out is not None:
        raise UserError("name a .lean file, a receipt, or `--jsonl IN --out OUT`")
    elif file.suffix == ".json":
        good = common.run(_check_receipt(settings, server, file, crosscheck))
        raise typer.Exit(0 if good else 1)
    else:
        good = common.run(_check_file(settings, server, file, name, options, receipt_folder))
        raise typer.Exit(0 if good else 1)


async def _check_receipt(settings: Settings, server: str | None, path: Path, crosscheck: bool) -> bool:
    receipt = receipts.read(path)
    if server is None:  # anybody may have written it; a server has bounds of its own
        _, most = bounds(settings)
        try:
            admit_limits(receipt.as_limits(), most.limits)
        except InputError as error:
            raise UserError(f"{path}: {error}; `check.maximum_…` in the settings says how much") from None
    trust = Trust.CROSS_CHECKED if crosscheck or receipt.trust == "CROSS_CHECKED" else Trust.ISOLATED_REPLAY
    async with common.opened(settings, server) as (service, _):
        here = await receipts.toolchain(service, receipt.project)
        verdict, differences = await receipt.check_again(receipts.ServiceChecker(service, trust), here)
    line = f"{path}: {receipt.theorem}: {verdict.kind.name} {verdict.trust.name}"
    common.stdout.print(common.shown(line, "green" if verdict.verified else "red"))
    for difference in differences:
        common.stdout.print(common.shown(f"{path}: {difference}", "yellow"))
    return verdict.verified and not differences


async def _check_file(
    settings: Settings,
    server: str | None,
    path: Path,
    project: str,
    options: CheckOptions,
    receipt_folder: Path | None,
) -> bool:
    file = replace(lean_file.read(path), project=project)
    if not file.theorems:
        raise UserError(f"{path} has no theorem with a proof after `:=`")
    good = True
    async with common.opened(settings, server) as (service, _):
        for item in file.theorems:
            asked = Check(file.theorem(item), Candidate(file.proof(item), source="given"), options)
            verdict = await service.check(asked)
            good &= verdict.verified
            if receipt_folder is not None and verdict.verified:
                here = await receipts.toolchain(service, asked.theorem.project)
                receipts.write(
                    receipt_folder, Receipt.of(asked.theorem, asked.candidate, verdict, options.limits, here)
                )
            axioms = f", axioms {' '.join(verdict.axioms)}" if verdict.axioms else ""
            by = f", also by {verdict.kernel}" if verdict.verified and verdict.kernel else ""
            line = f"{path}:{item.line}: {item.name}: {verdict.kind.name} {verdict.trust.name}{by}{axioms}"
            common.stdout.print(common.shown(line, "green" if verdict.verified else "red"))
            for message in verdict.messages:
                at, column = file.position(item, message)
                common.stdout.print(common.shown(f"{path}:{at}:{column}: {message.severity}: {message.text}"))
    return good
