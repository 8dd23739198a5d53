"""`leansieve corpus`."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from prover.errors import UserError
from service.cli import common
from service.cli.training import shared
from service.ops.config import Settings


class _Commands(TyperGroup):
    """Rewrites `corpus --project PATH …` to `corpus project PATH …`, and `--dojo` likewise."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] in ("--project", "--dojo"):
            args = [args[0].removeprefix("--"), *args[1:]]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_Commands, help="Make corpora of theorems, one JSON object a line.", no_args_is_help=True)

_Out = Annotated[Path, typer.Option("--out", help="File to write.", metavar="OUT")]


@app.command()
def generate(
    out: _Out,
    count: Annotated[int, typer.Option(help="Most theorems.", min=1)] = 1000,
    seed: shared.Seed = 0,
    family: Annotated[list[str] | None, typer.Option(help="Only this family; may be repeated.")] = None,
) -> None:
    """Generate synthetic theorems: arithmetic, divisibility, inequalities, logic, lists, options, induction."""
    with shared.user_errors():
        from training.corpus.jsonl import write_jsonl
        from training.corpus.synthetic.generator import FAMILIES, generate

        written = write_jsonl(shared.new_file(out), generate(count, seed, tuple(family or FAMILIES)))
    shared.remark(f"{written} theorems in {out}")


@app.command()
def library(
    modules: Annotated[list[str], typer.Argument(help="Shell patterns of imported modules, as 'Std.Data.*'.")],
    out: _Out,
    imports: Annotated[
        list[str] | None, typer.Option("--import", help="Module to import, by default the patterns' roots.")
    ] = None,
    project: common.Project = None,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Extract theorems of an imported library, to be proved anew."""
    settings = common.load_settings(config, lean={"workers": workers})
    if project is not None:
        settings = common.alone_in(settings, project, workers)
    with shared.user_errors():
        common.run(_library(settings, modules, out, imports or []))


async def _library(settings: Settings, patterns: list[str], out: Path, imports: list[str]) -> None:
    from prover.lean.library import header_of
    from prover.theorem import Header
    from training.corpus.jsonl import write_jsonl
    from training.corpus.sources.library import library_theorems

    header = header_of(patterns, imports, settings.lean.imports)
    async with shared.lean(settings) as pool:
        records = await library_theorems(pool, patterns, None if header == Header() else header, shared.remark)
    shared.remark(f"{write_jsonl(shared.new_file(out), records)} theorems in {out}")


@app.command()
def premises(
    corpus: Annotated[Path, typer.Argument(help="Theorems, or theorems with proofs.")],
    out: _Out,
    most: Annotated[int, typer.Option(help="Names for each theorem.", min=1, max=64)] = 8,
    index: Annotated[
        Path | None, typer.Option(help="Folder of the library's index, by default the service's.", metavar="FOLDER")
    ] = None,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Add suggested library theorems to the theorems of a corpus, for models with such prompts."""
    settings = common.load_settings(config, lean={"workers": workers})
    with shared.user_errors():
        common.run(_premises(settings, corpus, out, most, index))


async def _premises(settings: Settings, corpus: Path, out: Path, most: int, index: Path | None) -> None:
    from prover.lean.runtimes.embedded.cache.install import cache_directory
    from prover.premises.library import Library
    from prover.premises.suggested import SuggestedPremises
    from training.corpus.jsonl import write_jsonl
    from training.corpus.sources.premises import read_rows, record_of, with_premises

    rows = read_rows(corpus)
    async with shared.lean(settings) as pool:
        library = Library(pool, index or cache_directory() / "premises", settings.search.library)
        finder = SuggestedPremises(library, pool, seconds=300.0)
        informed = await with_premises(rows, finder, pool, most, shared.remark)
    shown = sum(bool(record_of(row).suggested) for row in informed)
    shared.remark(f"{write_jsonl(shared.new_file(out), informed)} theorems in {out}, {shown} with suggestions")


@app.command()
def project(
    path: Annotated[
        Path, typer.Argument(help="Folder of a Lake project, or the settings' name of one.", metavar="PATH")
    ],
    out: _Out,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Extract theorems of a project's own files, with tactic steps and premises; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers})
    settings = common.alone_in(settings, str(path), workers)
    assert settings.lean.project is not None
    with shared.user_errors():
        common.run(_project(settings, settings.lean.project, out))


async def _project(settings: Settings, path: Path, out: Path) -> None:
    from training.corpus.jsonl import write_jsonl
    from training.corpus.sources.project import trace_project
    from training.corpus.sources.source_files import source_files
    from training.corpus.sources.traced import TracingRun

    files = source_files(path, shared.remark)
    async with shared.lean(settings) as pool:
        with TracingRun(shared.new_file(out).with_name(f"{out.name}.journal")) as tracing:
            records = await trace_project(pool, files, tracing, f"project {path.name}", shared.remark)
    shared.remark(f"{write_jsonl(out, records)} theorems in {out}")


@app.command()
def dojo(
    repository: Annotated[str, typer.Argument(help="Folder or address of a git repository.", metavar="REPO@COMMIT")],
    out: _Out,
    python: Annotated[Path | None, typer.Option(help="Interpreter that has lean-dojo; by default this one.")] = None,
) -> None:
    """Extract theorems of a repository traced by LeanDojo; resumable with the same command."""
    with shared.user_errors():
        from training.corpus.sources.dojo import TracingError

        try:
            common.run(_dojo(repository, out, python or Path(sys.executable)))
        except TracingError as error:
            raise UserError(f"{repository} cannot be traced: {error}") from None


async def _dojo(repository: str, out: Path, python: Path) -> None:
    from training.corpus.jsonl import write_jsonl
    from training.corpus.sources.dojo import trace_repository
    from training.corpus.sources.traced import TracingRun

    with TracingRun(shared.new_file(out).with_name(f"{out.name}.journal")) as tracing:
        records = await trace_repository(repository, tracing, python, report=shared.remark)
    shared.remark(f"{write_jsonl(out, records)} theorems in {out}")


@app.command()
def fetch(
    folder: Annotated[Path, typer.Argument(help="Folder to write into; resumed.")],
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Rebuild the competition corpus from its public sources; takes hours, and is resumable."""
    settings = common.load_settings(config, lean={"workers": workers})
    with shared.user_errors():
        common.run(_fetch(settings, folder))


async def _fetch(settings: Settings, folder: Path) -> None:
    from prover.lean.checker import Terms
    from prover.lean.workers.jobs import Priority
    from prover.theorem import Theorem
    from prover.verdict import VerdictKind
    from training.corpus.sources.fetch import fetch

    async with shared.lean(settings) as pool:

        async def elaborates(theorem: Theorem) -> bool:
            answer = await pool.elaborate(theorem, Terms(priority=Priority.BATCH))
            if answer.verdict is VerdictKind.INFRASTRUCTURE:
                raise UserError("Lean gave no answer: " + "; ".join(message.text for message in answer.messages))
            return answer.verdict is VerdictKind.VERIFIED

        await fetch(folder, elaborates, concurrency=2 * pool.size, report=shared.remark)


@app.command()
def split(
    corpora: shared.Corpora,
    out: Annotated[Path, typer.Option("--out", help="Folder for train.jsonl, dev.jsonl and test.jsonl.")],
    dev: Annotated[float, typer.Option(help="Share of dev.", min=0, max=1)] = 0.05,
    test: Annotated[float, typer.Option(help="Share of test.", min=0, max=1)] = 0.05,
    seed: shared.Seed = 0,
    families: Annotated[bool, typer.Option(help="Keep families (templates, modules) together.")] = True,
) -> None:
    """Split into train, dev and test by family, without repetitions and leaks between them."""
    with shared.user_errors():
        if dev + test > 1:
            raise UserError(f"--dev and --test are shares of one corpus: together at most 1, not {dev + test:g}")
        from training.corpus.dedupe import deduplicate
        from training.corpus.held_out import without_leaks
        from training.corpus.jsonl import write_jsonl
        from training.corpus.record import read_corpus
        from training.corpus.splits import split

        records = deduplicate(record for path in corpora for record in read_corpus(path))
        parts = split(records, {"train": 1 - dev - test, "dev": dev, "test": test}, seed, families)
        parts["dev"] = without_leaks(parts["dev"], parts["test"])
        parts["train"] = without_leaks(parts["train"], [*parts["dev"], *parts["test"]])
        for name, part in parts.items():
            shared.remark(f"{write_jsonl(shared.new_file(out / f'{name}.jsonl'), part)} theorems in {out / name}.jsonl")


@app.command()
def clean(
    corpora: shared.Corpora,
    out: _Out,
    held_out: shared.HeldOut = None,
    sample: Annotated[int | None, typer.Option(help="Only so many, drawn by --seed.", min=1)] = None,
    seed: shared.Seed = 0,
) -> None:
    """Merge corpora into one, without repetitions and near duplicates of held-out theorems."""
    with shared.user_errors():
        from random import Random

        from training.corpus.dedupe import deduplicate
        from training.corpus.held_out import without_leaks
        from training.corpus.jsonl import write_jsonl
        from training.corpus.record import read_corpus

        records = deduplicate(record for path in corpora for record in read_corpus(path))
        records_kept = without_leaks(records, [record for path in held_out or () for record in read_corpus(path)])
        if sample is not None and sample < len(records_kept):
            records_kept = Random(seed).sample(records_kept, sample)
        written = write_jsonl(shared.new_file(out), records_kept)
    shared.remark(f"{written} theorems in {out}; {len(records) - len(records_kept)} of {len(records)} left out")
