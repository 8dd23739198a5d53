"""Plots of an evaluation, drawn from its summary."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from training.evaluation.measures.difficulty import Difficulty
from training.evaluation.measures.pareto import pareto_front

_SIZE = (7.0, 4.6)
_COLOURS = {"unsolved": "#b0b0b0", "hard": "#d1495b", "medium": "#edae49", "easy": "#66a182"}


def draw_plots(summary: dict[str, Any], folder: Path) -> list[Path]:
    """Write all plots as PNG files; returns their paths."""
    plots = {
        "pass_at_k.png": _pass_at_k,
        "pareto.png": _pareto,
        "difficulty.png": _difficulty,
        "diversity.png": _diversity,
    }
    paths = []
    for name, draw in plots.items():
        figure = Figure(figsize=_SIZE, layout="constrained")
        draw(summary, figure)
        figure.savefig(folder / name, dpi=150, metadata={"Software": None})
        paths.append(folder / name)
    return paths


def _pass_at_k(summary: dict[str, Any], figure: Figure) -> None:
    axes = figure.subplots()
    for model in summary["models"]:
        curve = model["pass_at_k"]
        axes.plot([int(k) for k in curve], list(curve.values()), "o-", markersize=3, label=model["model"])
    axes.set_xscale("log", base=2)
    axes.set_xlabel("k")
    axes.set_ylabel("pass@k")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _pareto(summary: dict[str, Any], figure: Figure) -> None:
    axes = figure.subplots()
    points = [(model["precision"], model["coverage"]) for model in summary["models"]]
    front = [points[index] for index in pareto_front(points)]
    axes.plot(*zip(*front, strict=True), "--", color="#888888", zorder=1, label="Pareto front")
    for model, point in zip(summary["models"], points, strict=True):
        axes.scatter(*point, zorder=2)
        axes.annotate(model["model"], point, textcoords="offset points", xytext=(5, 4), fontsize=8)
    axes.set_xlabel("precision: pass@1")
    axes.set_ylabel(f"coverage: pass@{summary['coverage_k']}")
    axes.margins(x=0.15)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def _difficulty(summary: dict[str, Any], figure: Figure) -> None:
    axes = figure.subplots()
    names = [model["model"] for model in summary["models"]][::-1]
    left = [0] * len(names)
    for bin_ in Difficulty:
        counts = [model["difficulty"][bin_] for model in summary["models"]][::-1]
        axes.barh(names, counts, left=left, color=_COLOURS[bin_], label=bin_.value)
        left = [before + count for before, count in zip(left, counts, strict=True)]
    axes.set_xlabel("theorems")
    axes.legend(fontsize=8, ncols=len(Difficulty), loc="lower center", bbox_to_anchor=(0.5, 1.0))


def _diversity(summary: dict[str, Any], figure: Figure) -> None:
    names = [model["model"] for model in summary["models"]][::-1]
    for axes, what in zip(figure.subplots(1, 2, sharey=True), ("tactic", "premise"), strict=True):
        axes.barh(names, [model["diversity"][f"{what}_shannon"] for model in summary["models"]][::-1])
        axes.set_xlabel(f"{what}s: Shannon entropy (bits)")
