"""`leansieve conjectures`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prover.errors import UserError
from service.cli import common
from service.cli.training import shared
from service.ops.config import Settings

if TYPE_CHECKING:
    from training.conjectures.growth import Growth
    from training.conjectures.outcome import ConjectureOutcome


def conjectures(
    sources: Annotated[list[Path], typer.Argument(help="Theorems with proofs, as `leansieve seeds --proved` writes.")],
    out: Annotated[Path, typer.Option("--out", help="What became of each, one line each; resumed.", metavar="OUT")],
    held_out: shared.HeldOut = None,
    proved: shared.Proved = None,
    library: Annotated[
        Path | None,
        typer.Option(
            help="Library theorems, as `leansieve corpus library` writes, to prove anew and to change.", metavar="FILE"
        ),
    ] = None,
    templates: Annotated[
        bool, typer.Option(help="Draw from the templates of `leansieve corpus generate`, too.")
    ] = False,
    count: Annotated[int, typer.Option(help="Conjectures to draw in all.", min=1)] = 1000,
    seed: Annotated[int, typer.Option(help="Start of the random draws; one file has one seed.", min=0)] = 0,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Make new theorems with proofs by changing proved ones; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers})
    with shared.user_errors():
        from training.conjectures.growth import Growth
        from training.conjectures.outcome import proved as theorems_of
        from training.conjectures.outcome import table
        from training.corpus.jsonl import write_jsonl
        from training.corpus.proofs import read_proofs
        from training.corpus.record import read_corpus

        growth = Growth(
            [theorem for path in sources for theorem in read_proofs(path)],
            [record for path in held_out or () for record in read_corpus(path)],
            seed,
            library=read_corpus(library) if library else (),
            templates=templates,
        )
        outcomes = shared.run_resumable(_grow(settings, growth, out, count))
        if proved is not None:
            shared.remark(
                f"{write_jsonl(shared.new_file(proved), theorems_of(outcomes))} theorems with proofs in {proved}"
            )
    common.stdout.print(common.shown(table(outcomes)))


async def _grow(settings: Settings, growth: "Growth", out: Path, count: int) -> "list[ConjectureOutcome]":
    from training.conjectures.questions import LeanGoneError
    from training.journal import Journal

    async with shared.lean(settings) as pool:
        with Journal(out) as journal:
            try:
                return await growth.grow(pool, journal, count, pool.size, shared.remark)
            except LeanGoneError as error:
                raise UserError(f"Lean gave no answer ({error}); the same command resumes") from None
