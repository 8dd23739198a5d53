"""The commands over `training`: `leansieve corpus | seeds | train | evaluate`."""

import typer

from service.cli.training import corpus, evaluate, seeds, train


def register(app: typer.Typer) -> None:
    """Add them."""
    app.add_typer(corpus.app, name="corpus")
    app.command()(seeds.seeds)
    app.command()(train.train)
    app.add_typer(evaluate.app, name="evaluate")
