"""`leansieve mcp`."""

from typing import Annotated

import typer

from prover.errors import UserError
from service.cli import common
from service.cli.common import Setup
from service.cli.flags import Without, with_flags
from service.lsp.opened import Opened
from service.ops.config import Settings


@with_flags
def mcp(
    http: Annotated[
        str | None, typer.Option("--http", help="Serve streamable HTTP there instead of stdio.", metavar="HOST:PORT")
    ] = None,
    *,
    setup: Annotated[Setup, Without("kernel")],
) -> None:
    """Serve coding agents over the Model Context Protocol (docs/agents.md)."""
    settings, _ = setup.in_project()
    common.run(_serve(settings, setup.server, http))


async def _serve(settings: Settings, server: str | None, http: str | None) -> None:
    try:  # the SDK is an optional dependency, and takes a second to import
        from service.mcp.callers import Callers
        from service.mcp.http import serve_http
        from service.mcp.server import build
    except ModuleNotFoundError as error:
        if error.name != "mcp":
            raise
        raise UserError("the MCP server needs the package mcp: pip install 'leansieve[mcp]'") from None

    opened = Opened(lambda: common.opened(settings, server))
    try:
        if http is None:
            await build(opened.service, settings, Callers(settings)).run_stdio_async()
        else:
            await serve_http(opened.service, settings, http, lambda url: common.stderr.print(f"MCP at {url}"))
    finally:
        await opened.close()
