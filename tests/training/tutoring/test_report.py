"""The figures of an evaluation."""

from pathlib import Path

import pytest

from training.tutoring.evaluation import Row
from training.tutoring.report import read_rows, summary, write_report
from training.tutoring.sessions.dialogue import Help


def row(theorem: str, help: Help, **more: object) -> Row:
    values = {"finished": True, "steps": 2, "own": 1, "hints": 3, "leaks": 0, "false": 0, "revisions": 1, "fixed": 0}
    values |= {"vetoes": {"leak": 1}, "reward": 1.0, "levels": (), "seconds": (0.1, 0.3), **more}
    return Row(theorem=theorem, learner="hasty", help=help, **values)  # type: ignore[arg-type]


def test_who_did_not_have_all_kinds_of_help_at_a_theorem_is_left_out(tmp_path: Path) -> None:
    rows = [row("a", Help.RULES), row("a", Help.NONE, hints=0, finished=False), row("b", Help.RULES)]
    file = tmp_path / "sessions.jsonl"
    file.write_text("".join(one.model_dump_json() + "\n" for one in rows))
    figures = summary(read_rows([file]))
    assert (figures["theorems"], figures["sessions"]) == (1, 2)
    rules = figures["held-out learners"]["rules"]
    assert (rules["finished"], rules["own"], rules["hints"], rules["vetoes"]) == (1.0, 0.5, 3.0, {"leak": 1})
    assert figures["all"]["none"]["finished"] == 0
    write_report([file], tmp_path / "out")
    assert "| tutor by rules | 100.0% | 50.0% | 3.00 |" in (tmp_path / "out" / "tutoring.md").read_text()
    assert (tmp_path / "out" / "tutoring.png").stat().st_size > 1000


def test_a_file_without_a_whole_theorem_has_no_figures(tmp_path: Path) -> None:
    file = tmp_path / "sessions.jsonl"
    file.write_text("")
    with pytest.raises(ValueError, match="No learner had every kind"):
        read_rows([file])
