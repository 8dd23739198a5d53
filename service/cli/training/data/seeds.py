"""`leansieve seeds`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from prover.errors import UserError
from service.cli import common
from service.cli.training import shared
from service.ops.config import Settings

if TYPE_CHECKING:
    from training.seeds.questions import SeedBudget


def seeds(
    corpus: Annotated[Path, typer.Argument(help="Theorems, one JSON object a line.")],
    out: Annotated[Path, typer.Option("--out", help="What is found, one line a theorem; resumed.", metavar="OUT")],
    proved: shared.Proved = None,
    cache: shared.Verdicts = None,
    proofs: Annotated[int, typer.Option(help="Different proofs wanted for each theorem.", min=1)] = 12,
    requests: Annotated[int, typer.Option(help="Most questions to Lean for each theorem.", min=1)] = 200,
    seconds: Annotated[float, typer.Option(help="Most seconds for each theorem.", min=0.1)] = 90.0,
    depth: Annotated[int, typer.Option(help="Most proof steps on top of each other.", min=0)] = 3,
    only: Annotated[
        list[str] | None,
        typer.Option(
            help="Try templates of the portfolio alone, whose names begin so; may be repeated.", metavar="PREFIX"
        ),
    ] = None,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Search several different proofs of every theorem of a corpus; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers})
    with shared.user_errors():
        from training.seeds.questions import SeedBudget
        from training.seeds.run import write_proved

        budget = SeedBudget(proofs, requests, seconds, depth, only=tuple(only or ()))
        shared.run_resumable(_search(settings, corpus, out, cache, budget))
        if proved is not None:
            shared.remark(f"{write_proved(out, shared.new_file(proved))} theorems with proofs in {proved}")


async def _search(settings: Settings, corpus: Path, out: Path, cache: Path | None, budget: "SeedBudget") -> None:
    from training.corpus.record import read_corpus
    from training.seeds.questions import InfrastructureError
    from training.seeds.run import search_corpus

    records = read_corpus(corpus)
    async with shared.lean(settings) as pool:
        try:
            found = await search_corpus(pool, records, out, budget, cache, shared.remark)
        except InfrastructureError as error:
            raise UserError(f"Lean gave no answer ({error}); the same command resumes") from None
    common.stdout.print(common.shown(found.text))
