"""Assembles the commands, and turns errors into one sentence."""

import gc
import importlib
import importlib.metadata
import io
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Annotated, Any, cast

import typer
from typer.core import TyperGroup

from prover.errors import UserError
from service.core.limits.text import printable

# Each command with its module, which has a function of that name or an `app` of subcommands.
_COMMANDS = {
    "serve": "service.cli.commands.serving.serve",
    "prove": "service.cli.commands.proving.prove",
    "check": "service.cli.commands.proving.check",
    "search": "service.cli.commands.proving.search",
    "batch": "service.cli.commands.proving.batch",
    "batches": "service.cli.commands.proving.batches",
    "lsp": "service.cli.commands.serving.lsp",
    "certify": "service.cli.commands.administration.certify",
    "mcp": "service.cli.commands.serving.mcp",
    "doctor": "service.cli.commands.administration.doctor",
    "demo": "service.cli.commands.proving.demo",
    "config": "service.cli.commands.administration.config",
    "store": "service.cli.commands.administration.store",
    "token": "service.cli.commands.administration.token",
    "cluster": "service.cli.commands.administration.cluster",
    "receipt": "service.cli.commands.administration.receipt",
    "corpus": "service.cli.training.data.corpus",
    "seeds": "service.cli.training.data.seeds",
    "conjectures": "service.cli.training.data.conjectures",
    "train": "service.cli.training.runs.train",
    "scrpo": "service.cli.training.runs.scrpo",
    "grow": "service.cli.training.runs.grow",
    "tutoring": "service.cli.training.tutoring",
    "compare": "service.cli.training.runs.compare",
    "evaluate": "service.cli.training.evaluate",
    "export": "service.cli.training.export",
}


class _Imported(Mapping[str, Any]):
    """The commands by name, each imported on demand: importing all takes seconds."""

    def __getitem__(self, name: str) -> Any:
        module = importlib.import_module(_COMMANDS[name])
        gc.freeze()
        gc.enable()
        if (commands := getattr(module, "app", None)) is None:
            commands = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
            commands.command()(getattr(module, name))
        command = typer.main.get_command(commands)
        command.name = name
        return command

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class _Commands(TyperGroup):
    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = cast(MutableMapping[str, Any], _Imported())


app = typer.Typer(
    name="leansieve",
    cls=_Commands,
    help="Diverse Lean 4 proof search: sample widely, sieve with the kernel.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
    """Run the command line; a user error is printed as one sentence on stderr, with exit status 2 or the error's
    own.
    """
    for stream in (sys.stdout, sys.stderr):
        # Characters that a terminal cannot show are escaped, so that no result is lost.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except SystemExit as end:
        common = sys.modules.get("service.cli.common")  # not imported if nothing was printed
        if not end.code and common is not None and common.stdout.failed:
            sys.exit(2)
        raise
    except UserError as error:
        print(f"leansieve: {printable(str(error))}", file=sys.stderr)
        sys.exit(error.status)
