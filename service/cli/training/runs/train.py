"""`leansieve train`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prover.errors import UserError
from service.cli import common
from service.cli.training import shared
from service.cli.training.places import places, sampling_place
from service.core.resources.leans import pool_of

if TYPE_CHECKING:
    from training.config import TrainingConfig


def train(
    file: Annotated[Path, typer.Argument(help="A TOML file; docs/training-settings.md describes every setting.")],
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", help="In place of the file's; may be repeated.", metavar="TABLE.SETTING=VALUE"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the needs, the estimated duration and the outputs, and do nothing.")
    ] = False,
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Train a model: fine-tune on proofs (table sft), learn from pairs (preferences) or from verdicts (rollouts);
    resumable.

    Exit status: 0 trained, 2 something must be fixed first, 3 the run was stopped because its model diverged or collapsed,
    130 interrupted.
    """
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    shared.quiet_libraries(settings)
    training: TrainingConfig | None = None

    def resumption() -> str:
        kept = training is not None and any((training.run.folder / "checkpoints").glob("step-*"))
        return "resumes from the last checkpoint" if kept else "begins again: there is no checkpoint yet"

    with shared.user_errors(), shared.interruptible(resumption):
        from training.config import load_config

        training = load_config(file, changes or ())
        if dry_run:
            from training.run.forecast import forecast

            for line in forecast(training, settings.lean.workers or 1):
                common.stdout.print(common.shown(line))
            for line in places(settings.lean, training):
                common.stdout.print(common.shown(line))
            return
        command = shared.command_line()
        if training.rollouts is not None:
            from training.trainer.trainer import train

            place = sampling_place(settings.lean, training)
            model = train(training, lambda: pool_of(settings.lean), shared.remark, command, place)
        elif training.preferences is not None:
            from training.model.preferences import learn_preferences

            model = learn_preferences(training, shared.remark, command)
        elif training.sft is not None:
            from training.model.sft import fine_tune

            model = fine_tune(training, shared.remark, command)
        else:
            raise UserError(f"{file}: the tables [sft], [preferences] and [rollouts] are all missing: nothing to do.")
    shared.remark(f"the model is in {model}")
