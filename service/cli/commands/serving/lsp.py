"""`leansieve lsp`."""

from dataclasses import replace
from typing import Annotated

import typer

from prover.options import SearchOptions
from service.cli import common
from service.cli.common import Setup
from service.cli.flags import Given, Without, with_flags
from service.lsp.opened import Opened
from service.lsp.server import serve


@with_flags
def lsp(
    *,
    asked: Annotated[
        Given[SearchOptions], Without("proofs", "prefer", "minimise", "as_found", "disprove", "store", "repeat")
    ],
    setup: Setup,
) -> None:
    """Serve an editor over stdin and stdout: code actions that prove `sorry`s and open goals (docs/editors.md)."""
    settings, project = setup.in_project()
    options = common.search_options(asked, settings)
    options = replace(options, budget=replace(options.budget, proofs=1))
    opened = Opened(lambda: common.opened(settings, setup.server, options))
    raise typer.Exit(common.run(serve(opened, options, project)))
