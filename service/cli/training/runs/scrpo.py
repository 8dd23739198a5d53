"""`leansieve scrpo`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import common
from service.cli.training import shared
from service.cli.training.apart import done_apart
from service.core.resources.leans import pool_of
from service.ops.config import Settings

if TYPE_CHECKING:
    from training.critique.scrpo import ScrpoConfig


def scrpo(
    file: Annotated[Path, typer.Argument(help="A TOML file; training/critique/scrpo.py describes it.")],
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Train a model to diagnose and repair its own failures, and compare it; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    command = shared.command_line()
    with shared.user_errors(), shared.interruptible():
        from training.config.section import require_inputs
        from training.critique.scrpo import load_scrpo, stages
        from training.stages import Stages

        plan = load_scrpo(file)
        require_inputs(file, plan)
        shared.complete(
            Stages(plan.folder, plan),
            {name: name for name in stages(plan)},
            lambda name: done_apart(_carry_out, settings, plan, name, command),
        )
    shared.remark(f"wrote {plan.folder / 'scrpo.md'}")


def _carry_out(settings: Settings, plan: "ScrpoConfig", stage: str, command: str) -> None:
    from training.critique.scrpo import carry_out

    carry_out(plan, stage, lambda: pool_of(settings.lean), shared.remark, command)
