"""`leansieve receipt`."""

from pathlib import Path
from typing import Annotated

import typer

from prover.atomic import atomic_write_text
from prover.errors import UserError
from prover.receipts import comparator
from service.cli import common
from service.core import receipts

app = typer.Typer(help="Receipts of verified proofs: written for other checkers.", no_args_is_help=True)


@app.callback()
def _receipt() -> None:
    """Receipts of verified proofs; `leansieve check RECEIPT` checks one again."""


@app.command()
def export(
    receipt: Annotated[Path, typer.Argument(help="A receipt (.json).", metavar="RECEIPT")],
    out: Annotated[Path, typer.Option("--out", help="Folder that is made, or is empty.", metavar="DIR")],
) -> None:
    """Write a Lake project with Challenge.lean, Solution.lean and config.json for leanprover/comparator."""
    files = comparator.project(receipts.read(receipt))
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UserError(f"{out} is not empty: name a folder that is made for the project")
        for name, text in files.items():
            atomic_write_text(out / name, text)
    except OSError as error:
        raise UserError(f"cannot write {out}: {error.strerror}") from None
    common.stderr.print(common.shown(f"wrote {', '.join(files)} into {out}"))
