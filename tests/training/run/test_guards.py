"""Guards over the metrics of learning from verdicts, and over those of the runs that docs/results.md tells of."""

import json
from pathlib import Path

import pytest

from training.config import GuardConfig
from training.run.best import Best
from training.run.guards import CollapseError, Guards

RUNS = sorted((Path(__file__).parents[3] / "training" / "artifacts").glob("*/runs/*/metrics.jsonl"))
SOUND = {"kl_to_base": 0.5, "entropy": 0.4, "gradient_norm": 0.1, "rollouts": 128.0, "verified": 50.0, "loss": 0.1}


@pytest.mark.parametrize(
    ("metrics", "guard"),
    [
        ({"kl_to_base": 500.0}, "max_kl"),
        ({"entropy": 1e-5}, "min_entropy"),
        ({"verified": 0.0}, "min_verified"),
        ({"gradient_norm": 1e5}, "max_gradient_norm"),
    ],
)
def test_a_collapse_ends_the_run_when_it_lasts(metrics: dict[str, float], guard: str) -> None:
    guards = Guards(GuardConfig(), 320)
    guards.check(1, SOUND)
    guards.check(2, SOUND | metrics)
    guards.check(3, SOUND)  # once is no collapse
    assert not guards.objecting
    guards.check(4, SOUND | metrics)
    guards.check(5, SOUND | metrics)
    resumed = Guards(GuardConfig(), 320)
    resumed.load_state_dict(guards.state_dict())
    assert resumed.objecting
    with pytest.raises(CollapseError, match=f"from step 4 on \\(guards.{guard}\\)") as collapse:
        resumed.check(6, SOUND | metrics)
    assert collapse.value.first_step == 4


@pytest.mark.parametrize("path", RUNS, ids=lambda path: f"{path.parts[-4]}-{path.parent.name}")
def test_no_guard_ends_a_run_that_was_sound(path: Path) -> None:
    guards = Guards(GuardConfig(), 1024)
    for line in path.read_text(encoding="utf-8").splitlines():
        metrics = json.loads(line)
        guards.check(int(metrics["step"]), metrics)
        assert not guards.objecting


def test_guards_are_turned_off_by_what_is_out_of_reach() -> None:
    guards = Guards(
        GuardConfig(max_kl=float("inf"), min_entropy=0, min_verified=0, max_gradient_norm=float("inf")), 320
    )
    for step in range(1, 10):
        guards.check(step, SOUND | {"kl_to_base": 1e9, "entropy": 0.0, "verified": 0.0 if step > 1 else 9.0})


@pytest.mark.parametrize(("larger", "values"), [(True, [0.1, 0.3, 0.2, 0.3]), (False, [0.9, 0.7, 0.8, 0.7])])
def test_the_best_step_is_the_first_of_the_best_values(larger: bool, values: list[float]) -> None:
    best = Best(patience=2, larger=larger)
    for step, value in enumerate(values, start=1):
        assert not best.exhausted
        best.note(10 * step, value)
        best.note(10 * step + 1, None)
        assert not best.just_found
    assert best.step == 20
    assert best.exhausted
