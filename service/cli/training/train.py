"""`leansieve train`."""

from pathlib import Path
from typing import Annotated

import typer

from prover.errors import UserError
from service.cli import common
from service.cli.training import shared
from service.core.engine import Engine


def train(
    file: Annotated[Path, typer.Argument(help="A TOML file; training/config.py describes every setting.")],
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Train a model: fine-tune on proofs (table sft), or learn from verdicts (table rollouts); goes on where it was stopped."""
    settings = common.load_settings(config, lean={"workers": workers})
    with shared.told(), shared.interruptible():
        from training.config import load_config

        training = load_config(file)
        if training.rollouts is not None:
            from training.trainer.trainer import train

            model = train(training, lambda: Engine(settings).pool, shared.remark)
        elif training.sft is not None:
            from training.model.sft import fine_tune

            model = fine_tune(training)
        else:
            raise UserError(f"{file}: there is neither a table [sft] nor a table [rollouts]: nothing to do")
    shared.remark(f"the model is in {model}")
