"""`leansieve evaluate`."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli import common
from service.cli.training import shared
from service.core.resources.leans import pool_of

app = typer.Typer(help="Sample models on theorems, and compare them.", no_args_is_help=True)


_Corpora = Annotated[list[Path], typer.Argument(help="Theorems, one JSON object a line.", metavar="CORPUS...")]


@app.command()
def run(
    model: Annotated[Path, typer.Argument(help="A checkpoint, or an adapter.", metavar="MODEL")],
    corpora: _Corpora,
    out: Annotated[Path, typer.Option("--out", help="JSON to write, gzipped if it ends in .gz; resumed.")],
    label: shared.Label = None,
    base: Annotated[Path | None, typer.Option(help="Checkpoint under an adapter, if not the one it names.")] = None,
    prompt_format: Annotated[str, typer.Option(help="How the model is asked.")] = "source",
    cache: shared.Verdicts = None,
    samples: Annotated[int, typer.Option(help="Samples a theorem.", min=1)] = 256,
    temperature: Annotated[float, typer.Option(help="Softmax temperature.", min=0)] = 1.0,
    top_p: Annotated[float, typer.Option(help="Nucleus mass.", min=0.001, max=1)] = 0.99,
    max_tokens: Annotated[int, typer.Option(help="Longest answer.", min=1)] = 1024,
    seed: shared.Seed = 0,
    seconds: shared.CheckSeconds = 10.0,
    heartbeats: shared.Heartbeats = 100_000,
    workers: common.Workers = None,
    log_level: common.LogLevel = None,
    config: common.Config = None,
) -> None:
    """Sample proofs of every theorem and check them; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers}, log={"level": log_level})
    shared.quiet_libraries(settings)
    with shared.user_errors(), shared.interruptible():
        from prover.verdict import Limits
        from training.config import EvaluationConfig
        from training.evaluation.sampling import Evaluated, evaluate, label_of

        evaluation = EvaluationConfig(
            corpora=tuple(corpora), samples=samples, temperature=temperature, top_p=top_p, max_tokens=max_tokens
        )
        limits = Limits(seconds=seconds, heartbeats=heartbeats)
        command = shared.command_line()
        evaluated = Evaluated(model, label or label_of(model), evaluation, limits, base, prompt_format, seed, command)
        verdicts = cache or out.with_name("verdicts.jsonl")
        evaluate(evaluated, out, verdicts, lambda: pool_of(settings.lean), shared.remark)
    shared.remark(f"wrote {out}")


@app.command()
def check(
    drawn: Annotated[Path, typer.Argument(help="What `python -m training.evaluation.apart` drew.", metavar="TEXTS")],
    corpora: _Corpora,
    model: Annotated[Path, typer.Option("--model", help="The model that it was drawn from.")],
    out: Annotated[Path, typer.Option("--out", help="JSON to write, gzipped if it ends in .gz.")],
    label: shared.Label = None,
    cache: shared.Verdicts = None,
    max_tokens: Annotated[int, typer.Option(help="Longest answer that was drawn.", min=1)] = 160,
    seconds: shared.CheckSeconds = 10.0,
    heartbeats: shared.Heartbeats = 100_000,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Check samples drawn on another machine; resumable with the same command."""
    settings = common.load_settings(config, lean={"workers": workers})
    with shared.user_errors(), shared.interruptible():
        from prover.verdict import Limits
        from training.corpus.record import read_corpus
        from training.evaluation import apart
        from training.evaluation.samples import ModelSamples
        from training.evaluation.sampling import label_of
        from training.rollouts.verifier import Verifier
        from training.run.provenance import hash_weights

        records = [record for corpus in corpora for record in read_corpus(corpus)]
        texts = apart.read_drawn(drawn, records)
        limits = Limits(seconds=seconds, heartbeats=heartbeats)
        shared.new_file(out)
        with Verifier(lambda: pool_of(settings.lean), cache or out.with_name("verdicts.jsonl"), limits) as verifier:
            theorems = apart.check(texts, records, verifier, shared.remark)
        ModelSamples(
            model=label or label_of(model),
            corpus=", ".join(corpus.stem for corpus in corpora),
            sampling={"temperature": 1.0, "top_p": 0.99, "max_tokens": max_tokens},
            command=shared.command_line(),
            weights=hash_weights(model),
            theorems=tuple(theorems),
        ).save(out)
    shared.remark(f"wrote {out}")


@app.command()
def portfolio(
    corpora: _Corpora,
    out: Annotated[Path, typer.Option("--out", help="JSON lines to write; resumed.")],
    checks: Annotated[int, typer.Option(help="Most proofs tried for a theorem.", min=1)] = 256,
    one_line: Annotated[bool, typer.Option("--one-line", help="Single tactics only.")] = False,
    cache: shared.Verdicts = None,
    seconds: shared.CheckSeconds = 10.0,
    heartbeats: shared.Heartbeats = 100_000,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Measure the portfolio of tactics without a model: the baseline for a model with as many checks."""
    settings = common.load_settings(config, lean={"workers": workers})
    with shared.user_errors(), shared.interruptible():
        from prover.verdict import Limits
        from training.evaluation.portfolio import coverage, evaluate_portfolio

        limits = Limits(seconds=seconds, heartbeats=heartbeats)
        verdicts = cache or out.with_name("verdicts.jsonl")
        results = evaluate_portfolio(
            corpora, out, verdicts, limits, lambda: pool_of(settings.lean), checks, one_line, shared.remark
        )
    for k, share in coverage(results).items():
        common.stdout.print(f"{k} checks: {share:.1%}")


@app.command()
def report(
    results: Annotated[list[Path], typer.Argument(help="Raw samples, one JSON file a model.")],
    out: Annotated[Path, typer.Option("--out", help="Folder for summary.json, report.md and plots.", metavar="DIR")],
    base: Annotated[str | None, typer.Option(help="Model to compare with; by default the one called base.")] = None,
    portfolio: Annotated[Path | None, typer.Option(help="What `evaluate portfolio` wrote, as one more line.")] = None,
) -> None:
    """Compute figures, plots and a table from the raw samples of several models."""
    with shared.user_errors():
        from training.evaluation.reports.report import write_report

        write_report(results, out, base, portfolio)
    shared.remark(f"wrote {out / 'report.md'}")


@app.command()
def curves(
    runs: Annotated[list[Path], typer.Argument(help="Folders of training runs.", metavar="RUN...")],
    out: Annotated[Path, typer.Option("--out", help="PNG to write.", metavar="FILE")],
) -> None:
    """Plot training curves of several runs."""
    with shared.user_errors():
        from training.evaluation.reports.curves import draw_curves

        draw_curves(runs, out)
    shared.remark(f"wrote {out}")
