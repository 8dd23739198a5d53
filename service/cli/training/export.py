"""`leansieve export`."""

from pathlib import Path
from typing import Annotated

import typer

from prover.errors import UserError
from service.cli.training import shared


def export(
    run: Annotated[Path, typer.Argument(help="A training run's folder, or a model's.", metavar="RUN")],
    to: Annotated[Path, typer.Option("--to", help="Folder of weights; a model of the same name is replaced.")],
    name: Annotated[str, typer.Option(help="What requests call it.")],
    results: Annotated[
        list[Path] | None, typer.Option("--results", help="Raw samples of it; may be repeated.", metavar="FILE")
    ] = None,
    made_by: Annotated[list[str] | None, typer.Option(help="A command that made it, for the card.")] = None,
    license: Annotated[
        str, typer.Option(help="Under which it is passed on, as an SPDX name; by default as its base states.")
    ] = "",
    dtype: Annotated[str, typer.Option(help="bfloat16, float16 or float32.")] = "bfloat16",
) -> None:
    """Export a trained checkpoint or adapter to a folder of weights for `leansieve serve`."""
    if dtype not in ("bfloat16", "float16", "float32"):
        raise UserError(f"--dtype: bfloat16, float16 or float32, found {dtype}")
    shared.quiet_libraries()
    with shared.user_errors():
        from training.export.export import ModelExport, export_model

        commands = (*(made_by or ()), shared.command_line())
        model = export_model(ModelExport(run, name, tuple(results or ()), dtype, commands, license), to)  # type: ignore[arg-type]
    shared.remark(f"{model.name} is in {to / model.folder}")
