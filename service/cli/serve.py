"""`leansieve serve`."""

import asyncio
from typing import Annotated

import typer

from service.cli import common
from service.server import serve as run_server


def serve(
    listen: Annotated[str | None, typer.Option(help="HOST:PORT or unix:/path; port 0 is any.", metavar="ADDR")] = None,
    allow_remote: Annotated[
        bool | None, typer.Option("--allow-remote", help="Take calls from other machines; nothing protects them.")
    ] = None,
    workers: common.Workers = None,
    model: common.Model = None,
    config: common.Config = None,
    log_level: common.LogLevel = None,
) -> None:
    """Serve proofs over gRPC until SIGTERM or SIGINT."""
    settings = common.load_settings(
        config,
        quiet=False,
        server={"listen": listen, "allow_remote": allow_remote},
        lean={"workers": workers},
        model={"path": model},
        log={"level": log_level},
    )
    asyncio.run(run_server(settings, announce=lambda line: print(line, flush=True)))
