"""`leansieve config`."""

from typing import Annotated

import typer

from service.cli import common
from service.ops.config.sources import settings_in_force

app = typer.Typer(help="Settings: effective values and their origins.", no_args_is_help=True)


@app.command()
def show(
    config: common.Config = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only values other than defaults.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="With the meaning of each setting.")] = False,
) -> None:
    """Show every setting with its origin: the environment, the configuration file, or the default. Secrets are masked."""
    for setting in settings_in_force(config):
        if changed and setting.source == "default":
            continue
        if explain:
            common.stdout.print(common.shown(f"# {setting.meaning}", "dim"))
        common.stdout.print(common.shown(f"{setting.name} = {setting.value or '(none)'}  # {setting.source}"))


@app.callback()
def _config() -> None:
    """Settings: the effective values and their origins."""
