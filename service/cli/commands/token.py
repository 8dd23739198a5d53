"""`leansieve token`."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from prover.errors import UserError
from service.auth import tokens
from service.auth.identity import Quota, Role
from service.cli import common

app = typer.Typer(help="Bearer tokens of a server: make, list, revoke.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Option("--file", help="File of hashes; by default the setting security.tokens.", metavar="FILE")
]
Name = Annotated[str, typer.Argument(help="Of the client, for logs and quotas.")]


@app.command()
def new(
    name: Name,
    role: Annotated[list[Role], typer.Option("--role", help="May be given several times.")],
    file: File = None,
    days: Annotated[int | None, typer.Option(help="Ends after so many days.", min=1, max=36_500)] = None,
    calls: Annotated[int | None, typer.Option(help="Calls at once.", min=1)] = None,
    calls_per_minute: Annotated[int | None, typer.Option(help="Calls begun within a minute.", min=1)] = None,
    lean_seconds_per_hour: Annotated[float | None, typer.Option(help="Checking time.", min=0.001)] = None,
    samples_per_hour: Annotated[int | None, typer.Option(help="Candidates sampled.", min=1)] = None,
    config: common.Config = None,
) -> None:
    """Make a token and print it, this once; the file gets its hash. A running server sees it at once."""
    expires = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    quota = Quota(calls, calls_per_minute, lean_seconds_per_hour, samples_per_hour)
    path = _file(file, config)
    token = tokens.new(path, name, role, expires, quota)
    print(token)
    common.stderr.print(common.shown(f"its hash is in {path}; the token itself is kept nowhere"))


@app.command("list")
def show(file: File = None, config: common.Config = None) -> None:
    """List the tokens of the file."""
    now = datetime.now(UTC)
    for token in tokens.read(_file(file, config)).values():
        roles = ",".join(sorted(token.roles))
        end = "never" if token.expires is None else token.expires.date().isoformat()
        state = "" if token.valid(now) else "  (ended)"
        common.stdout.print(
            common.shown(f"{token.name}  {roles}  made {token.created.date()}  ends {end}{state}  {token.sha256[:12]}…")
        )


@app.command()
def revoke(name: Name, file: File = None, config: common.Config = None) -> None:
    """Take all tokens of that name out of the file. A running server refuses them at once."""
    gone = tokens.revoke(_file(file, config), name)
    common.stderr.print(common.shown(f"{gone} token(s) of {name} revoked"))


def _file(file: Path | None, config: Path | None) -> Path:
    path = file or common.load_settings(config).security.tokens
    if path is None:
        raise UserError("name the file of hashes with --file, or set security.tokens")
    if path.suffix != ".toml":
        raise UserError(f"the file of hashes must be a .toml file, not {path.name!r}")
    return path
