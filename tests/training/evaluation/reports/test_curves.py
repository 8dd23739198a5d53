import json
from pathlib import Path

import pytest

from training.evaluation.reports.curves import draw_curves


def run_of(folder: Path, lines: list[dict[str, float]]) -> Path:
    folder.mkdir()
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_runs_with_different_logs_share_a_picture(tmp_path: Path) -> None:
    whole = [{"step": step, "spent": 8 * step, "reward": step / 10, "kl_to_base": 0.1 * step} for step in range(1, 9)]
    runs = [run_of(tmp_path / "a", whole), run_of(tmp_path / "b", [{"step": 1, "spent": 8, "reward": 0.5}])]
    draw_curves(runs, tmp_path / "new" / "curves.png")
    both = (tmp_path / "new" / "curves.png").read_bytes()
    assert both.startswith(b"\x89PNG")
    draw_curves(runs[:1], tmp_path / "one.png")
    assert (tmp_path / "one.png").read_bytes() != both


def test_what_is_no_log_is_said(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nothing was trained yet"):
        draw_curves([run_of(tmp_path / "a", [])], tmp_path / "x.png")
    (tmp_path / "a" / "metrics.jsonl").write_text("[1]\n")
    with pytest.raises(ValueError, match="is not a log of a training run"):
        draw_curves([tmp_path / "a"], tmp_path / "x.png")
