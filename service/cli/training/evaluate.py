"""`leansieve evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.training import shared

app = typer.Typer(help="Compare models on theorems.", no_args_is_help=True)


@app.callback()
def _evaluate() -> None:
    """Compare models on theorems."""


@app.command()
def report(
    results: Annotated[list[Path], typer.Argument(help="Raw samples, one JSON file a model.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for summary.json, report.md and plots.", metavar="DIR")],
    base: Annotated[str | None, typer.Option(help="Model to compare with; by default the first.")] = None,
) -> None:
    """Figures, plots and a table from the raw samples of several models."""
    with shared.told():
        from training.evaluation.report import write_report

        write_report(results, out, base)
    shared.remark(f"wrote {out / 'report.md'}")
