"""Makes summary, plots and a Markdown table from the raw samples of several models.

    leansieve evaluate report RESULT.json.gz… --out DIR [--base NAME] [--portfolio FILE]

writes summary.json, report.md and the PNG plots into DIR. The others are compared with `--base`, by default the model
called base, or the only untrained one.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.evaluation.measures.difficulty import Difficulty
from training.evaluation.measures.pareto import pareto_front
from training.evaluation.portfolio import coverage, coverage_together, read_portfolio
from training.evaluation.reports.plots import draw_plots
from training.evaluation.reports.summary import summarise
from training.evaluation.samples import ModelSamples


def write_report(
    inputs: Sequence[Path], folder: Path, base: str | None = None, portfolio: Path | None = None
) -> dict[str, Any]:
    """Write all files into `folder` and return the summary; `portfolio` is the output of `evaluate_portfolio`.

    Raises:
        ValueError: an input is invalid; the text describes the error.
    """
    models = [ModelSamples.load(path) for path in inputs]
    summary = summarise(models, base)
    if portfolio is not None:
        results = read_portfolio(portfolio)
        summary["portfolio"] = {"coverage": {str(k): share for k, share in coverage(results).items()}}
        for entry, model in zip(summary["models"], models, strict=True):
            entry["coverage_with_portfolio"] = coverage_together(results, model, summary["coverage_k"])
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
    (folder / "summary.json").write_text(text, encoding="utf-8")
    plots = draw_plots(summary, folder)
    (folder / "report.md").write_text(markdown(summary, [plot.name for plot in plots]), encoding="utf-8")
    return summary


def markdown(summary: dict[str, Any], plots: Sequence[str] = ()) -> str:
    """Return the summary as Markdown: the figures of every model, its differences from the base, and changes of
    difficulty.
    """
    models, k = summary["models"], summary["coverage_k"]
    front = pareto_front([(model["precision"], model["coverage"]) for model in models])
    parts = [f"{summary['theorems']} theorems of {summary['corpus']}; * marks the precision–coverage Pareto front."]
    with_terms = any(model["distinct_terms_per_solved"] is not None for model in models)
    rows = []
    for index, model in enumerate(models):
        diversity = model["diversity"]
        rows.append(
            [
                model["model"] + (" *" if index in front else ""),
                model["samples"],
                *(_percent(model["pass_at_k"].get(power)) for power in ("1", "16", "64", "256")),
                model["solved"],
                f"{model['distinct_proofs_per_solved']:.2f}",
                *([_number(model["distinct_terms_per_solved"])] if with_terms else []),
                f"{diversity['tactic_shannon']:.2f} / {diversity['tactic_gini_simpson']:.2f}",
                f"{diversity['premise_shannon']:.2f} / {diversity['premise_gini_simpson']:.2f}",
                *([_percent(model["coverage_with_portfolio"])] if "portfolio" in summary else []),
            ]
        )
    if "portfolio" in summary:
        solved = summary["portfolio"]["coverage"]
        cells = [_percent(solved.get(power)) for power in ("1", "16", "64", "256")]
        most = max(map(int, solved))
        rows.append(
            [
                "portfolio of tactics, k checks",
                most,
                *cells,
                round(solved[str(most)] * summary["theorems"]),
                *"––––",
                *("–" * with_terms),
            ]
        )
    columns = ["pass@1", "pass@16", "pass@64", "pass@256", "solved", f"distinct proofs per solved, {k} samples"]
    columns += ["distinct terms per solved"] if with_terms else []
    columns += ["tactics (bits / G–S)", "premises (bits / G–S)"]
    if "portfolio" in summary:
        columns.append(f"pass@{k} where {k // 4} are the portfolio's")
    parts.append(_table(["model", "samples", *columns], rows))

    compared = [model for model in models if "against_base" in model]
    if compared:
        rows = [
            [model["model"], *(cell for name in ("precision", "coverage") for cell in _difference(model, name))]
            for model in compared
        ]
        parts.append(f"Against {summary['base']} (paired bootstrap over theorems, 95 % interval, two-sided p):")
        parts.append(_table(["model", "Δ pass@1", "p", f"Δ pass@{k}", "p"], rows))
        parts.append(f"Theorems by difficulty under {summary['base']} (rows) and after training (columns):")
        for model in compared:
            rows = [[before, *(model["transitions"][before][after] for after in Difficulty)] for before in Difficulty]
            parts.append(_table([model["model"], *Difficulty], rows))
    parts.extend(f"![{name.removesuffix('.png').replace('_', ' ')}]({name})" for name in plots)
    return "\n\n".join(parts) + "\n"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f}"


def _difference(model: dict[str, Any], name: str) -> tuple[str, str]:
    found = model["against_base"][name]
    low, mean, high = (100 * found[key] for key in ("low", "mean", "high"))
    return f"{mean:+.1f} [{low:+.1f}, {high:+.1f}]", f"{found['p_value']:.4f}"


def _table(header: Sequence[object], rows: Sequence[Sequence[object]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)
