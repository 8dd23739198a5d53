"""`leansieve token`."""

import dataclasses
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from prover.errors import UserError
from service.auth import tokens
from service.auth.identity import Quota, Role
from service.cli import common

app = typer.Typer(help="Bearer tokens of a server: make, list, rotate, bound, revoke.", no_args_is_help=True)

File = Annotated[
    Path | None, typer.Option("--file", help="File of hashes; by default the setting security.tokens.", metavar="FILE")
]
Name = Annotated[str, typer.Argument(help="Of the client, for logs and quotas.")]
Calls = Annotated[int | None, typer.Option(help="Concurrent calls.", min=1)]
CallsPerMinute = Annotated[int | None, typer.Option(help="Calls begun within a minute.", min=1)]
LeanSeconds = Annotated[float | None, typer.Option(help="Checking time.", min=0.001)]
Samples = Annotated[int | None, typer.Option(help="Candidates sampled.", min=1)]


@app.command()
def new(
    name: Name,
    role: Annotated[list[Role], typer.Option("--role", help="May be given several times.")],
    file: File = None,
    days: Annotated[int | None, typer.Option(help="Ends after so many days.", min=1, max=36_500)] = None,
    calls: Calls = None,
    calls_per_minute: CallsPerMinute = None,
    lean_seconds_per_hour: LeanSeconds = None,
    samples_per_hour: Samples = None,
    config: common.Config = None,
) -> None:
    """Create a token and print it once; the file stores only its hash. A running server accepts it at once."""
    expires = None if days is None else datetime.now(UTC).replace(microsecond=0) + timedelta(days=days)
    quota = Quota(calls, calls_per_minute, lean_seconds_per_hour, samples_per_hour)
    path = _file(file, config)
    _show(tokens.new(path, name, role, expires, quota), path)


@app.command("list")
def show(file: File = None, config: common.Config = None) -> None:
    """List the tokens of the file."""
    now = datetime.now(UTC)
    for token in tokens.read(_file(file, config)).values():
        roles = ",".join(sorted(token.roles))
        end = "never" if token.expires is None else token.expires.date().isoformat()
        state = "" if token.valid(now) else "  (ended)"
        common.stdout.print(
            common.shown(
                f"{token.name}  {roles}  made {token.created.date()}  ends {end}{state}  {token.sha256[:12]}…"
                f"  {_bounds(token.identity.quota)}".rstrip()
            )
        )


@app.command()
def rotate(
    name: Name,
    hours: Annotated[
        float, typer.Option(help="How long those that there are stay valid; 0: they end now.", min=0, max=8760)
    ] = 24.0,
    file: File = None,
    config: common.Config = None,
) -> None:
    """Replace a token: print a new one with the same name, roles, quota and lifetime, and let the old ones expire."""
    path = _file(file, config)
    _show(tokens.rotate(path, name, timedelta(hours=hours)), path)


@app.command()
def quota(
    name: Name,
    calls: Calls = None,
    calls_per_minute: CallsPerMinute = None,
    lean_seconds_per_hour: LeanSeconds = None,
    samples_per_hour: Samples = None,
    file: File = None,
    config: common.Config = None,
) -> None:
    """Set the quota of all tokens of a name; options not given follow the settings.

    A running server applies it at once.
    """
    chosen = Quota(calls, calls_per_minute, lean_seconds_per_hour, samples_per_hour)
    count = tokens.set_quota(_file(file, config), name, chosen)
    common.stderr.print(common.shown(f"{count} token(s) of {name}: {_bounds(chosen) or 'as the settings say'}"))


@app.command()
def revoke(
    name: Name,
    only: Annotated[
        str,
        typer.Option("--only", help="One token alone: how its hash begins, as `token list` shows it.", metavar="HASH"),
    ] = "",
    file: File = None,
    config: common.Config = None,
) -> None:
    """Remove the tokens of a name from the file. A running server refuses them at once, and ends their calls."""
    revoked = tokens.revoke(_file(file, config), name, only)
    common.stderr.print(common.shown(f"{revoked} token(s) of {name} revoked"))


def _show(token: str, path: Path) -> None:
    print(token)
    common.stderr.print(common.shown(f"its hash is in {path}; the token itself is kept nowhere"))


def _bounds(quota: Quota) -> str:
    """Describe the parts of a quota that differ from the settings."""
    values = dataclasses.asdict(quota).items()
    return ", ".join(f"{value:g} {name.replace('_', ' ')}" for name, value in values if value is not None)


def _file(file: Path | None, config: Path | None) -> Path:
    path = file or common.load_settings(config).security.tokens
    if path is None:
        raise UserError("name the file of hashes with --file, or set security.tokens")
    if path.suffix != ".toml":
        raise UserError(f"the file of hashes must be a .toml file, not {path.name!r}")
    return path
