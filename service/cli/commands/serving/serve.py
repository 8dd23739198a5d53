"""`leansieve serve`."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli import common
from service.ops import config as configuration
from service.server import serve as run_server


def serve(
    listen: Annotated[str | None, typer.Option(help="HOST:PORT or unix:/path; port 0 is any.", metavar="ADDR")] = None,
    http: Annotated[
        str | None, typer.Option(help="HOST:PORT of HTTP/JSON; '' for none, the default.", metavar="ADDR")
    ] = None,
    allow_remote: Annotated[
        bool | None,
        typer.Option("--allow-remote", help="Take calls from other machines although nothing protects them."),
    ] = None,
    certificate: Annotated[Path | None, typer.Option(help="The server's certificate chain, PEM.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its private key, PEM.")] = None,
    client_ca: Annotated[Path | None, typer.Option(help="Clients must have a certificate of this authority.")] = None,
    tokens: Annotated[Path | None, typer.Option(help="Clients must have a token of this file.")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="HOST:PORT of /metrics, /livez and /readyz; '' for none.", metavar="ADDR")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="Database of proofs and batches: a file or URL; 'none' for none.", metavar="URL")
    ] = None,
    workers: common.Workers = None,
    project: Annotated[
        Path | None, typer.Option(help="Lake project whose toolchain checks what names no other.", metavar="DIR")
    ] = None,
    pool: common.Pool = None,
    model: common.Model = None,
    config: common.Config = None,
    log_level: common.LogLevel = None,
) -> None:
    """Serve proofs over gRPC, and with --http over HTTP, until SIGTERM or SIGINT. SIGHUP reads the settings again."""
    flags: dict[str, dict[str, Any]] = {
        "server": {"listen": listen, "allow_remote": allow_remote},
        "http": {"listen": http},
        "security": {"certificate": certificate, "key": key, "client_ca": client_ca, "tokens": tokens},
        "metrics": {"listen": metrics},
        "store": {"url": store},
        "lean": {"workers": workers, "project": project, "pool": pool},
        "model": {"path": model},
        "log": {"level": log_level},
    }
    settings = common.load_settings(config, quiet=False, **flags)
    asyncio.run(
        run_server(
            settings,
            announce=lambda line: print(line, flush=True),
            reload=lambda: configuration.load(config, flags),
        )
    )
