"""`leansieve doctor`."""

import typer

from service.cli import common
from service.ops import doctor as diagnosis


def doctor(config: common.Config = None) -> None:
    """Report what is installed and works here, and what to do about the rest."""
    settings = common.load_settings(config)
    findings = diagnosis.examine(settings)
    marks = {"good": ("✓", "green"), "absent": ("–", "yellow"), "bad": ("✗", "red")}
    for finding in findings:
        mark, style = marks[finding.state]
        common.stdout.print(common.shown(f"{mark} {finding.subject}: {finding.found}", style))
        if finding.advice:
            common.stdout.print(common.shown(f"    {finding.advice}"))
    if any(finding.state == "bad" for finding in findings):
        raise typer.Exit(1)
