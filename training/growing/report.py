"""Report on the rounds, from their files.

    python -m training.growing.report FILE.toml --out DIR [--folder FOLDER]

reads the folder that FILE.toml names, or another one with its files, and writes grow.json and grow.md.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from prover.atomic import atomic_write_text
from training.conjectures.outcome import ConjectureOutcome, ConjectureStatus
from training.corpus.jsonl import read_jsonl
from training.evaluation.reports.summary import summarise
from training.evaluation.samples import ModelSamples
from training.growing.config import Arm, GrowConfig, load_grow


def write_report(plan: GrowConfig, rounds: int, out: Path | None = None) -> list[str]:
    """Write both files into `out`, by default the folder of the rounds; returns the table's lines.

    Raises:
        ValueError: a file has other content.
        OSError: a file is missing.
    """
    out = out or plan.folder
    rows = [{"arm": "base", "round": 0, **_dev(plan, None, 0)}]
    for arm in plan.arms:
        for number in range(1, rounds + 1):
            rows.append({"arm": arm.name, "round": number, **_round(plan, arm, number), **_dev(plan, arm, number)})
    rollouts = plan.steps * plan.prompts_per_step * plan.rollouts_per_prompt
    summary = {"dev": plan.dev.stem, "dev_samples": plan.dev_samples, "rollouts_a_round": rollouts, "rows": rows}
    table = list(_table(rows, plan.dev_samples))
    out.mkdir(parents=True, exist_ok=True)
    atomic_write_text(out / "grow.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    atomic_write_text(out / "grow.md", "\n".join(table) + "\n")
    return table


def _round(plan: GrowConfig, arm: Arm, number: int) -> dict[str, Any]:
    source = None if number == 1 else arm
    outcomes = [each for _, each in read_jsonl(plan.file("conjectures", source, number, ".jsonl"), ConjectureOutcome)]
    solved = ModelSamples.load(plan.file("solved", source, number, ".json.gz")).theorems
    within = [each for each in solved if 0 < each.verified <= plan.window * each.samples]
    return {
        "drawn": len(outcomes),
        "kept": sum(outcome.status is ConjectureStatus.KEPT for outcome in outcomes),
        "solved": sum(each.verified > 0 for each in solved),
        "pass_rate": sum(each.verified for each in solved) / sum(each.samples for each in solved),
        "within_reach": len(within),
    }


def _dev(plan: GrowConfig, arm: Arm | None, number: int) -> dict[str, Any]:
    samples = ModelSamples.load(plan.file("dev", arm, number, ".json.gz"))
    (figures,) = summarise([samples])["models"]
    wanted = ("precision", "coverage", "distinct_proofs_per_solved", "distinct_terms_per_solved")
    return {name: figures[name] for name in wanted} | {"dev_solved": figures["solved"]}


def _table(rows: list[dict[str, Any]], samples: int) -> Iterator[str]:
    header = [
        "arm",
        "round",
        "drawn",
        "kept",
        "solved",
        "within reach",
        "verified",
        "dev pass@1",
        f"dev pass@{samples}",
    ]
    header += ["distinct proofs per solved, by text", "by term"]
    yield f"| {' | '.join(header)} |"
    yield f"|{' --- |' * len(header)}"
    for row in rows:
        cells = [
            row["arm"],
            row["round"],
            *(row.get(name, "–") for name in ("drawn", "kept", "solved", "within_reach")),
        ]
        cells += [f"{row['pass_rate']:.1%}" if "pass_rate" in row else "–"]
        cells += [f"{100 * row[name]:.1f}" for name in ("precision", "coverage")]
        for name in ("distinct_proofs_per_solved", "distinct_terms_per_solved"):
            cells.append("–" if row[name] is None else f"{row[name]:.2f}")
        yield f"| {' | '.join(map(str, cells))} |"


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.growing.report", description="The table of a run of rounds."
    )
    parser.add_argument("file", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--folder", type=Path, help="where the files are, if not where FILE.toml says")
    arguments = parser.parse_args()
    try:
        plan = load_grow(arguments.file)
        if arguments.folder:
            plan = plan.model_copy(update={"folder": arguments.folder})
        print("\n".join(write_report(plan, plan.rounds, arguments.out)))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
