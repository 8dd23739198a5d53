"""The commands over `training`: `leansieve corpus | seeds | train | compare | evaluate`."""

import typer

from service.cli.training import compare, corpus, evaluate, seeds, train


def register(app: typer.Typer) -> None:
    """Add them."""
    app.add_typer(corpus.app, name="corpus")
    app.command()(seeds.seeds)
    app.command()(train.train)
    app.command()(compare.compare)
    app.add_typer(evaluate.app, name="evaluate")
