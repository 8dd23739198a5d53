"""The commands over `training`: `leansieve corpus | seeds | train | compare | evaluate | export`."""

import typer

from service.cli.training import compare, corpus, evaluate, export, seeds, train


def register(app: typer.Typer) -> None:
    """Add them."""
    app.add_typer(corpus.app, name="corpus")
    app.command()(seeds.seeds)
    app.command()(train.train)
    app.command()(compare.compare)
    app.add_typer(evaluate.app, name="evaluate")
    app.command()(export.export)
