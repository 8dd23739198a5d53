"""The comparison of a run of SCRPO is made of its answers alone."""

from pathlib import Path

from training.corpus.jsonl import write_jsonl
from training.critique.answers import CritiqueAnswer, CritiqueAnswers
from training.critique.report import write_report

RIGHT = CritiqueAnswer(text="by simp", count=1, verified=True, term="aa")
OTHER = CritiqueAnswer(text="by\n  simp", count=1, verified=True, term="aa")
WRONG = CritiqueAnswer(text="by omega", count=1, diagnosis="1: not proved")


def write(folder: Path, name: str, *rows: tuple[str, str, tuple[CritiqueAnswer, ...]]) -> None:
    (folder / "answers").mkdir(exist_ok=True)
    made = [
        CritiqueAnswers(key=f"{number}", name=theorem, about=about, answers=found)
        for number, (theorem, about, found) in enumerate(rows)
    ]
    write_jsonl(folder / "answers" / f"{name}.jsonl", made)


def test_models_are_compared_at_equal_samples(tmp_path: Path) -> None:
    plain = [("t", "first", (WRONG,)), ("u", "first", (RIGHT,)), ("t", "second", (WRONG,)), ("u", "second", (OTHER,))]
    write(tmp_path, "draw", *plain)
    write(tmp_path, "refine-1", ("t", "by omega", (RIGHT, WRONG)))
    for name in ("base", "critic"):
        write(tmp_path, f"dev-{name}", *plain)
    write(tmp_path, "dev-critic-repairs", ("t", "by omega", (RIGHT,)))
    write(tmp_path, "dev-critic-diagnoses", ("t", "by omega", (CritiqueAnswer(text="1: not proved", count=1),)))
    summary = write_report(tmp_path, rounds=1, models=("base", "critic"))
    base, critic, repaired = summary["models"]
    assert (base["samples"], base["solved"], base["verified"]) == (4, 1, 0.5)
    assert (critic["samples"], critic["solved"]) == (4, 1)
    # The half that would have been spent on t again is spent on its repair; on u nothing is to be mended.
    assert (repaired["samples"], repaired["solved"], repaired["verified"]) == (4, 2, 0.75)
    assert (repaired["texts"], repaired["terms"]) == (3, 2)
    assert repaired["repairs"]["mended"] == 1
    assert summary["diagnoses"][0]["both"] == 1
    assert "| critic, half of the samples repairs | 4 | 75.0% | 2 |" in (tmp_path / "scrpo.md").read_text()
