"""`leansieve certify`."""

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import Progress

from prover.atomic import atomic_write_text
from prover.errors import UserError
from prover.lean.certify.certificate import Certificate, keep, summary
from prover.lean.certify.runtime import battery_of
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.runtime import LeanRuntime, RuntimeUnavailableError
from prover.lean.workers.pool import PoolUnavailableError
from service.cli import common
from service.cli.common import Setup
from service.cli.flags import Only, with_flags
from service.core.resources.leans import second_of, toolchain
from service.ops.config import Settings


@with_flags
def certify(
    project: Annotated[
        Path | None, typer.Option("--project", help="A Lake project; by default the embedded Lean.", metavar="DIR")
    ] = None,
    full: Annotated[bool, typer.Option("--full", help="Have a second kernel check the honest proofs, too.")] = False,
    report: Annotated[Path | None, typer.Option("--report", help="File for the certificate.", metavar="FILE")] = None,
    *,
    setup: Annotated[Setup, Only("kernel", "workers", "config", "log_level")],
) -> None:
    """Certify a toolchain with the battery of proofs, exploits and questions; its verdicts count only if it passes."""
    settings = setup.load()
    try:
        runtime, lean = _lean(settings, project)
        certificate = common.run(_certified(settings, runtime, lean, full))
    except (RuntimeUnavailableError, PoolUnavailableError) as error:
        raise UserError(str(error)) from None
    if certificate.passed and not full:
        keep(certificate)
    if report is not None:
        try:
            atomic_write_text(report, certificate.text())
        except OSError as error:
            raise UserError(f"{report} cannot be written: {error.strerror}") from None
    _say(certificate)
    raise typer.Exit(0 if certificate.passed else 1)


def _lean(settings: Settings, project: Path | None) -> tuple[LeanRuntime, str]:
    if project is None:
        embedded = EmbeddedLean()
        embedded.prepare()
        return embedded, embedded.lean_version().strip()
    native = toolchain(project, settings.lean.native)
    native.prepare()
    return native, native.version


async def _certified(settings: Settings, runtime: LeanRuntime, lean: str, full: bool) -> Certificate:
    second = second_of(settings.crosscheck) if full else None
    if full and second is None:
        raise UserError("--full needs a second kernel: install leansieve[crosscheck] or name one with --kernel")
    try:
        with Progress(console=common.stderr, transient=True) as progress:
            bar = progress.add_task("certifying")

            def step(done: int, total: int) -> None:
                progress.update(bar, completed=done, total=total)

            fallback = settings.lean.uncertified == "quarantine"
            return await battery_of(runtime, lean, settings.lean.workers or 1, step, second, fallback)
    finally:
        if second is not None:
            await second.close()


def _say(certificate: Certificate) -> None:
    good, proofs = certificate.honest
    right = sum(score for score, _ in certificate.exploits.values())
    exploits = sum(count for _, count in certificate.exploits.values())
    answered, questions = certificate.questions
    line = (
        f"{certificate.lean}: {good} of {proofs} honest proofs verified, {right} of {exploits} exploits answered rightly, "
        f"{answered} of {questions} questions, {certificate.seconds:.0f} s"
    )
    common.stdout.print(common.shown(line, "green" if certificate.passed else "red"))
    if certificate.shared and certificate.passed:
        common.stdout.print(common.shown("it serves in quarantine alone (lean.uncertified)", "yellow"))
    for failed in summary(certificate):
        common.stdout.print(common.shown(failed, "yellow"))
