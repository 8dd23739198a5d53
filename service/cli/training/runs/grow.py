"""`leansieve grow`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service.cli import common
from service.cli.training import shared
from service.cli.training.apart import done_apart
from service.core.resources.leans import pool_of
from service.ops.config import Settings

if TYPE_CHECKING:
    from training.growing.config import GrowConfig
    from training.growing.rounds import Stage


def grow(
    file: Annotated[Path, typer.Argument(help="A TOML file; training/growing/config.py describes it.")],
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Make theorems, solve them, learn, and make harder ones, round by round; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    command = shared.command_line()
    with shared.user_errors(), shared.interruptible():
        from training.config.section import require_inputs
        from training.growing.config import load_grow
        from training.growing.rounds import stages
        from training.stages import Stages

        plan = load_grow(file)
        require_inputs(file, plan)
        planned = {stage.name: stage for stage in stages(plan)}
        shared.complete(
            Stages(plan.folder, plan),
            {name: stage.title(plan) for name, stage in planned.items()},
            lambda name: done_apart(_carry_out, settings, plan, planned[name], command),
        )
    shared.remark(f"wrote {plan.folder / 'grow.md'}")


def _carry_out(settings: Settings, plan: "GrowConfig", stage: "Stage", command: str) -> None:
    from training.growing.rounds import carry_out

    carry_out(plan, stage, lambda: pool_of(settings.lean), shared.remark, command)
