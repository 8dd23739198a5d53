"""The comparison of models in a run of SCRPO, computed from its answers.

    python -m training.critique.report RUN --out DIR

Reads `answers/*.jsonl` or `*.jsonl.gz` of RUN, and writes scrpo.json and scrpo.md.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prover.atomic import atomic_write_text
from prover.sampling.diagnosis import Diagnosis
from prover.search.diversity import distinct_key
from training.corpus.jsonl import read_jsonl
from training.critique.answers import CritiqueAnswers
from training.critique.lessons import accuracy
from training.evaluation.measures.pass_at_k import pass_at_k_of_each


def write_report(
    folder: Path, rounds: int = 2, models: Sequence[str] = ("base", "critic", "scrpo"), out: Path | None = None
) -> dict[str, Any]:
    """Write both files into `out`, by default the run's own folder.

    Raises:
        ValueError: a file has other content.
        OSError: a file is missing.
    """
    out = out or folder
    drawn = _read(folder, "draw")
    summary: dict[str, Any] = {
        "drawn": _counts(drawn) | {"kinds": _kinds(drawn)},
        "rounds": [_counts(_read(folder, f"refine-{number}")) for number in range(1, rounds + 1)],
        "models": [row for name in models for row in _rows(folder, name)],
        "diagnoses": [_diagnoses(folder, name) for name in models if name != "base"],
    }
    out.mkdir(parents=True, exist_ok=True)
    atomic_write_text(out / "scrpo.json", json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    atomic_write_text(out / "scrpo.md", _markdown(summary))
    return summary


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """Return the rows of a model: plain samples, and if it repairs, the first half of them with repairs in place of the
    other half.
    """
    whole = _read(folder, f"dev-{name}")
    first = [answers for answers in whole if answers.about == "first"]
    second = {answers.name: answers for answers in whole if answers.about == "second"}
    rows = [_row(name, [[answers, second[answers.name]] for answers in first])]
    if name != "base":
        repairs: dict[str, list[CritiqueAnswers]] = {}
        for answers in _read(folder, f"dev-{name}-repairs"):
            repairs.setdefault(answers.name, []).append(answers)
        # If nothing can be repaired, the rest of the budget goes to the other half of the plain samples.
        mended = [[answers, *repairs.get(answers.name, [second[answers.name]])] for answers in first]
        rows.append(_row(f"{name}, half of the samples repairs", mended) | {"repairs": _repairs(repairs)})
    return rows


def _row(name: str, of_theorems: Sequence[Sequence[CritiqueAnswers]]) -> dict[str, Any]:
    samples = [sum(answers.samples for answers in each) for each in of_theorems]
    right = [sum(answers.verified for answers in each) for each in of_theorems]
    texts = terms = 0
    for each in of_theorems:
        good = [answer for answers in each for answer in answers.answers if answer.verified]
        texts += len({distinct_key(answer.text) for answer in good})
        terms += len({answer.term or answer.text for answer in good})
    return {
        "model": name,
        "theorems": len(samples),
        "samples": sum(samples),
        "verified": sum(right) / max(1, sum(samples)),
        "pass_at_1": float(pass_at_k_of_each(samples, right, 1).mean()) if all(samples) else None,
        "solved": sum(count > 0 for count in right),
        "texts": texts,
        "terms": terms,
    }


def _repairs(repairs: dict[str, list[CritiqueAnswers]]) -> dict[str, int]:
    every = [answers for each in repairs.values() for answers in each]
    return _counts(every) | {"mended": sum(answers.verified > 0 for answers in every)}


def _counts(every: Sequence[CritiqueAnswers]) -> dict[str, Any]:
    return {
        "questions": len(every),
        "samples": sum(answers.samples for answers in every),
        "verified": sum(answers.verified for answers in every),
        "answered_right": sum(answers.verified > 0 for answers in every),
        "mendable": sum(len(answers.failures) for answers in every),
    }


def _kinds(every: Sequence[CritiqueAnswers]) -> dict[str, int]:
    kinds = Counter(str(diagnosis.kind) for answers in every for _, diagnosis in answers.failures)
    return dict(kinds.most_common())


def _diagnoses(folder: Path, name: str) -> dict[str, Any]:
    """Return how often the model's diagnoses agree with Lean's, and the baseline of always answering the most frequent
    one.
    """
    first = [answers for answers in _read(folder, f"dev-{name}") if answers.about == "first"]
    right = {(answers.name, answer.text): diagnosis for answers in first for answer, diagnosis in answers.failures}
    asked = _read(folder, f"dev-{name}-diagnoses")
    truths: list[Diagnosis] = [right[answers.name, answers.about] for answers in asked]
    parts = {
        "line": [str(truth.line) for truth in truths],
        "kind": [str(truth.kind) for truth in truths],
        "both": [str(truth) for truth in truths],
    }
    most = {key: max(Counter(values).values(), default=0) / max(1, len(values)) for key, values in parts.items()}
    return {"model": name, **accuracy(asked, right), "most_frequent": most}


def _markdown(summary: dict[str, Any]) -> str:
    rows = summary["models"]
    lines = [
        f"{rows[0]['theorems']} theorems, {rows[0]['samples'] // max(1, rows[0]['theorems'])} samples of each.",
        "",
        "| model | samples | verified | solved | different proofs, by text | by term |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        lines.append(
            f"| {row['model']} | {row['samples']:,} | {row['verified']:.1%} | {row['solved']} | {row['texts']} | {row['terms']} |"
        )
    lines += [
        "",
        "| repairs | failures shown | repairs | verified | failures repaired |",
        "| --- | --- | --- | --- | --- |",
    ]
    for number, each in enumerate(summary["rounds"], start=1):
        cells = f"{each['questions']:,} | {each['samples']:,} | {each['verified']:,} | {each['answered_right']:,}"
        lines.append(f"| training theorems, round {number} | {cells} |")
    for row in rows:
        if each := row.get("repairs"):
            cells = f"{each['questions']:,} | {each['samples']:,} | {each['verified']:,} | {each['mended']:,}"
            lines.append(f"| dev, {row['model'].partition(',')[0]} | {cells} |")
    lines += ["", "| diagnoses | failures | line | kind | both |", "| --- | --- | --- | --- | --- |"]
    for each in summary["diagnoses"]:
        shares = " | ".join(f"{each[key]:.0%} ({each['most_frequent'][key]:.0%})" for key in ("line", "kind", "both"))
        lines.append(f"| {each['model']} | {each['diagnoses']:,} | {shares} |")
    lines += ["", "In brackets: what always saying the most frequent one would get.", ""]
    return "\n".join(lines)


def _read(folder: Path, name: str) -> list[CritiqueAnswers]:
    path = folder / "answers" / f"{name}.jsonl"
    packed = path.with_name(path.name + ".gz")
    return [answers for _, answers in read_jsonl(packed if packed.exists() else path, CritiqueAnswers)]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.critique.report", description="The tables of a run of SCRPO."
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=2)
    arguments = parser.parse_args()
    try:
        write_report(arguments.run, arguments.rounds, out=arguments.out)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"wrote {arguments.out / 'scrpo.md'}")


if __name__ == "__main__":
    main()
