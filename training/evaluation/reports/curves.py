"""Training curves of several runs in one plot, from their logs."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

_DRAWN = {
    "reward": "verified share of rollouts",
    "kl_to_base": "KL to the base (nats)",
    "entropy": "entropy (nats a token)",
    "distinct_rollouts": "distinct rollouts a batch",
    "length": "length (tokens)",
    "sampler_mismatch": "trainer against sampler (nats)",
}
_SMOOTHED = 5  # steps


def draw_curves(runs: Sequence[Path], path: Path) -> None:
    """Write a PNG with a panel per quantity and a line per run, each a moving average.

    Args:
        runs: folders of training runs, by label.

    Raises:
        ValueError: a log is empty or has other content.
        OSError: a log cannot be read.
    """
    logs = {run.name: _read(run / "metrics.jsonl") for run in runs}
    figure = Figure(figsize=(11, 6.4), layout="constrained")
    panels = figure.subplots(2, 3).flat
    for axes, (name, label) in zip(panels, _DRAWN.items(), strict=True):
        for run, log in logs.items():
            points = [(line["spent"], line[name]) for line in log if name in line and "spent" in line]
            if points:
                spent, values = np.array(points).T
                axes.plot(spent, _smoothed(values), linewidth=1.2, label=run)
        axes.set_title(label, fontsize=9)
        axes.set_xlabel("rollouts", fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside right upper", fontsize=7)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150, metadata={"Software": None})


def _read(path: Path) -> list[dict[str, float]]:
    lines = path.read_text(encoding="utf-8").splitlines()
    try:
        log = [dict(json.loads(line)) for line in lines]
    except (ValueError, TypeError):
        raise ValueError(f"{path} is not a log of a training run.") from None
    if not log:
        raise ValueError(f"{path} is empty: nothing was trained yet.")
    return log


def _smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the moving average of the values, over at most so many."""
    total = np.concatenate([[0.0], values.cumsum()])
    ends = np.arange(1, len(values) + 1)
    starts = np.maximum(0, ends - _SMOOTHED)
    mean: NDArray[np.float64] = (total[ends] - total[starts]) / (ends - starts)
    return mean
