"""The table and the plot of an evaluation, from its sessions."""

import json
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from prover.atomic import atomic_write, atomic_write_text
from training.corpus.jsonl import read_jsonl
from training.tutoring.evaluation import Row
from training.tutoring.learners.learners import learners
from training.tutoring.sessions.dialogue import Help

_NAMES = {
    Help.NONE: "no help",
    Help.ERRORS: "Lean's errors",
    Help.PROOF: "shows the proof",
    Help.RULES: "tutor by rules",
    Help.LEARNT: "tutor, learnt",
}


def read_rows(paths: Iterable[Path]) -> list[Row]:
    """Read the sessions of learners who had every kind of help that occurs for a theorem, so that all kinds are
    compared on the same ones.

    Raises:
        ValueError: a line is not a session, or no learner had every kind of help for a theorem.
    """
    found = {(row.theorem, row.learner, row.help): row for path in paths for _, row in read_jsonl(path, Row)}
    helps = {row.help for row in found.values()}
    pairs = {(row.theorem, row.learner) for row in found.values()}
    whole = {pair for pair in pairs if all((*pair, help) in found for help in helps)}
    if not whole:
        raise ValueError("No learner had every kind of help at a theorem.")
    return [row for row in found.values() if (row.theorem, row.learner) in whole]


def summary(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the figures: of all sessions, of held-out learners, and of each kind."""
    known = learners()
    held_out = [row for row in rows if row.learner in known and known[row.learner].held_out]
    return {
        "theorems": len({row.theorem for row in rows}),
        "sessions": len(rows),
        "all": _by_help(rows),
        "held-out learners": _by_help(held_out),
        "by learner": {
            kind: _by_help([row for row in rows if row.learner == kind])
            for kind in sorted({row.learner for row in rows})
        },
    }


def write_report(paths: Sequence[Path], folder: Path) -> None:
    """Write `tutoring.json`, `tutoring.md` and `tutoring.png`. Raises as `read_rows`."""
    figures = summary(read_rows(paths))
    folder.mkdir(parents=True, exist_ok=True)
    atomic_write_text(folder / "tutoring.json", json.dumps(figures, indent=1) + "\n")
    atomic_write_text(folder / "tutoring.md", table(figures))
    with atomic_write(folder / "tutoring.png") as file:
        _drawn(figures).savefig(file, dpi=150, format="png", metadata={"Software": None})


def table(figures: dict[str, Any]) -> str:
    """Return the figures as Markdown."""
    lines = [f"{figures['sessions']} sessions at {figures['theorems']} theorems.", ""]
    for name in ("all", "held-out learners"):
        lines += [
            f"**{'All learners' if name == 'all' else 'Kinds of learner that nothing was learnt from'}**",
            "",
            "| help | finished | steps of their own | hints a session | hints a step | leaks | false | revisions | p50 / p95 s |",
            "|---|---|---|---|---|---|---|---|---|",
            *(_line(help, row) for help, row in figures[name].items()),
            "",
        ]
    lines += ["**Finished, by kind of learner**", ""]
    helps = list(figures["all"])
    lines += ["| learner | " + " | ".join(_NAMES[Help(help)] for help in helps) + " |", "|---" * (len(helps) + 1) + "|"]
    for kind, row in figures["by learner"].items():
        lines.append(f"| {kind} | " + " | ".join(f"{row[help]['finished']:.0%}" for help in helps) + " |")
    return "\n".join(lines) + "\n"


def _line(help: str, row: dict[str, Any]) -> str:
    seconds = f"{row['p50_s']:.2f} / {row['p95_s']:.2f}" if row["p50_s"] is not None else "–"
    return (
        f"| {_NAMES[Help(help)]} | {row['finished']:.1%} | {row['own']:.1%} | {row['hints']:.2f} | {row['hints_a_step']:.2f} "
        f"| {row['leaks']} | {row['false']} | {row['revisions']} | {seconds} |"
    )


def _by_help(rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    return {help.value: _figures(some) for help in Help if (some := [row for row in rows if row.help is help])}


def _figures(rows: Sequence[Row]) -> dict[str, Any]:
    steps, hints = sum(row.steps for row in rows), sum(row.hints for row in rows)
    seconds = sorted(second for row in rows for second in row.seconds)
    vetoes: dict[str, int] = {}
    for row in rows:
        for veto, count in row.vetoes.items():
            vetoes[veto] = vetoes.get(veto, 0) + count
    cut = statistics.quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else None
    return {
        "sessions": len(rows),
        "finished": sum(row.finished for row in rows) / len(rows),
        "own": sum(row.own for row in rows) / max(1, steps),
        "hints": hints / len(rows),
        "hints_a_step": hints / max(1, steps),
        "leaks": sum(row.leaks for row in rows),
        "false": sum(row.false for row in rows),
        "revisions": sum(row.revisions for row in rows),
        "fixed": sum(row.fixed for row in rows),
        "vetoes": dict(sorted(vetoes.items())),
        "reward": sum(row.reward for row in rows) / len(rows),
        "p50_s": round(cut[9], 3) if cut else None,
        "p95_s": round(cut[18], 3) if cut else None,
    }


def _drawn(figures: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(7.0, 4.6), layout="constrained")
    axes = figure.subplots()
    for name, marker in (("all", "o"), ("held-out learners", "^")):
        for help, row in figures[name].items():
            colour = f"C{list(Help).index(Help(help))}"
            label = _NAMES[Help(help)] if name == "all" else None
            axes.scatter(row["own"] * row["finished"], row["finished"], color=colour, marker=marker, s=70, label=label)
            note = f"{row['hints']:.1f} hints" if row["hints"] else ""
            place = (row["own"] * row["finished"], row["finished"])
            axes.annotate(note, place, textcoords="offset points", xytext=(6, -10), fontsize=7)
    axes.set_xlabel("finished × share of steps of their own")
    axes.set_ylabel("finished")
    axes.set_title("Circles: all learners; triangles: kinds held out", fontsize=9)
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return figure
