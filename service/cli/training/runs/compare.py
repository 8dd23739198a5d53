"""`leansieve compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prover.errors import UserError
from service.cli import common
from service.cli.training import shared
from service.cli.training.apart import done_apart
from service.cli.training.places import sampling_place
from service.core.resources.leans import pool_of
from service.ops.config import Settings

if TYPE_CHECKING:
    from training.comparison import Job


def compare(
    file: Annotated[Path, typer.Argument(help="A TOML file; training/comparison.py describes it.")],
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Train and evaluate many models from one base, and compare them; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    failed = []
    command = shared.command_line()
    with shared.user_errors(), shared.interruptible():
        from training.comparison import Training, jobs, load_comparison, reports, trained
        from training.evaluation.reports.curves import draw_curves
        from training.evaluation.reports.report import write_report

        comparison, training = load_comparison(file)
        for job in jobs(comparison, training):
            doing = "training" if isinstance(job, Training) else f"on {job.out.parent.name}"
            shared.remark(f"== {job.name}: {doing}")
            if not done_apart(_carry_out, settings, job, command):
                failed.append(f"{job.name} ({doing})")
        if runs := trained(comparison):
            draw_curves(runs, comparison.folder / "reports" / "training.png")
        for report in reports(comparison, training):
            write_report(report.inputs, report.folder, report.base, portfolio=report.portfolio)
            shared.remark(f"wrote {report.folder / 'report.md'}")
    if failed:
        raise UserError(f"failed: {', '.join(failed)}; the same command tries again")


def _carry_out(settings: Settings, job: "Job", command: str) -> None:
    from prover.verdict import Limits
    from training.comparison import Portfolio, Training
    from training.evaluation.portfolio import evaluate_portfolio
    from training.evaluation.sampling import Evaluated, evaluate
    from training.trainer.trainer import train

    config, check = job.config, job.config.verification
    if isinstance(job, Training):
        place = sampling_place(settings.lean, config)
        train(config, lambda: pool_of(settings.lean), shared.remark, command, place)
        return
    limits = Limits(seconds=check.seconds, heartbeats=check.heartbeats)
    assert check.verdicts is not None
    if isinstance(job, Portfolio):
        evaluate_portfolio(
            config.evaluation.corpora,
            job.out,
            check.verdicts,
            limits,
            lambda: pool_of(settings.lean),
            job.checks,
            report=shared.remark,
        )
        return
    base = config.model.path if config.model.lora is not None else None
    form = config.model.prompt_format
    evaluated = Evaluated(job.model, job.name, config.evaluation, limits, base, form, job.seed, command)
    evaluate(evaluated, job.out, check.verdicts, lambda: pool_of(settings.lean), shared.remark)
