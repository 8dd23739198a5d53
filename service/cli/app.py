"""The commands, put together, and one sentence for what goes wrong."""

import importlib.metadata
import sys
from typing import Annotated

import typer

from service.cli import batch, check, config, demo, doctor, lsp, prove, serve, store, token, training
from service.errors import UserError
from service.text import printable

app = typer.Typer(
    name="leansieve",
    help="Diverse Lean 4 proof search: sample widely, sieve with the kernel.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for command in (serve.serve, prove.prove, check.check, batch.batch, lsp.lsp, doctor.doctor, demo.demo):
    app.command()(command)
app.add_typer(config.app, name="config")
app.add_typer(store.app, name="store")
app.add_typer(token.app, name="token")
training.register(app)


def _version(wanted: bool) -> None:
    if wanted:
        print(importlib.metadata.version("leansieve"))
        raise typer.Exit


@app.callback()
def _leansieve(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False,
) -> None:
    """Diverse Lean 4 proof search: sample widely, sieve with the kernel."""


def run() -> None:
    """Run the command line; what is for the user to mend is one sentence on stderr and exit status 2."""
    try:
        app()
    except UserError as error:
        print(f"leansieve: {printable(str(error))}", file=sys.stderr)
        sys.exit(2)
