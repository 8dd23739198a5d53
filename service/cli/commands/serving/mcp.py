"""`leansieve mcp`."""

from typing import Annotated

import typer

from prover.errors import UserError
from service.cli import common
from service.lsp.opened import Opened
from service.ops.config import Settings


def mcp(
    http: Annotated[
        str | None, typer.Option("--http", help="Serve streamable HTTP there instead of stdio.", metavar="HOST:PORT")
    ] = None,
    server: common.Server = None,
    ca: common.Ca = None,
    token_file: common.TokenFile = None,
    workers: common.Workers = None,
    project: common.Project = None,
    pool: common.Pool = None,
    model: common.Model = None,
    config: common.Config = None,
    log_level: common.LogLevel = None,
) -> None:
    """Serve coding agents over the Model Context Protocol (docs/agents.md)."""
    settings = common.client_settings(
        config, ca=ca, token_file=token_file, workers=workers, pool=pool, model=model, log_level=log_level
    )
    settings, _ = common.in_project(settings, project, server)
    common.run(_serve(settings, server, http))


async def _serve(settings: Settings, server: str | None, http: str | None) -> None:
    try:  # the SDK is an extra, and takes a second to import
        from service.mcp.callers import Callers
        from service.mcp.server import build, serve_http
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
