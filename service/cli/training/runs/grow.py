"""`leansieve grow`."""

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prover.errors import UserError
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
    command = shlex.join(["leansieve", *sys.argv[1:]])
    with shared.user_errors(), shared.interruptible():
        from training.growing.config import load_grow
        from training.growing.rounds import stages
        from training.stages import Stages

        plan = load_grow(file)
        kept = Stages(plan.folder, plan)
        for stage in stages(plan):
            if kept.done(stage.name):
                continue
            shared.remark(f"== {stage.title(plan)}")
            if not done_apart(_carry_out, settings, plan, stage, command):
                raise UserError(f"{stage.title(plan)} failed; the same command resumes from it")
            kept.finish(stage.name)
    shared.remark(f"wrote {plan.folder / 'grow.md'}")


def _carry_out(settings: Settings, plan: "GrowConfig", stage: "Stage", command: str) -> None:
    from training.growing.rounds import carry_out

    carry_out(plan, stage, lambda: pool_of(settings.lean), shared.remark, command)
