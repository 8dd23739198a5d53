"""Learning from pairs with a tiny model."""

import json
from pathlib import Path

import pytest

from tests.training.run.small_runs import settings, write_proofs
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.lessons import Pair
from training.corpus.synthetic.generator import generate
from training.model.preferences import learn_preferences
from training.model.sft import fine_tune
from training.run.provenance import hash_weights


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("base")
    return fine_tune(settings(folder / "run", write_proofs(folder / "proofs.jsonl")))


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "pairs.jsonl"
    statements = [f"example{record.statement.partition(' ')[2].partition(' ')[2]} :=" for record in generate(12)]
    made = [Pair(prompt=text[:90], preferred=" by omega", rejected=" by simp", why="refined") for text in statements]
    write_jsonl(path, made)
    return path


def preferring(folder: Path, base: Path, pairs: Path, steps: int) -> TrainingConfig:
    return TrainingConfig.model_validate(
        {
            "run": {"folder": folder, "device": "cpu", "threads": 1, "checkpoint_every": 2},
            "model": {"path": base},
            "optimizer": {"learning_rate": 1e-3},
            "preferences": {"pairs": [pairs], "steps": steps, "pairs_per_step": 4, "micro_tokens": 256},
            "algorithm": {"name": "scrpo"},
        }
    )


def test_what_is_preferred_becomes_likelier_than_what_is_not(tmp_path: Path, base: Path, pairs: Path) -> None:
    learn_preferences(preferring(tmp_path / "run", base, pairs, 8))
    metrics = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert metrics[0]["margin"] == pytest.approx(0, abs=1e-4)  # policy and reference are one model at first
    assert metrics[-1]["preferred_fraction"] == 1
    assert metrics[-1]["loss"] < metrics[0]["loss"]


def test_a_run_in_two_parts_is_the_same_run(tmp_path: Path, base: Path, pairs: Path) -> None:
    whole = learn_preferences(preferring(tmp_path / "whole", base, pairs, 4))
    learn_preferences(preferring(tmp_path / "parts", base, pairs, 2))
    parts = learn_preferences(preferring(tmp_path / "parts", base, pairs, 4))
    assert hash_weights(whole) == hash_weights(parts)


def test_pairs_that_do_not_fit_are_left_out_and_none_at_all_is_an_error(tmp_path: Path, base: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    write_jsonl(path, [Pair(prompt="x" * 5000, preferred="a", rejected="b", why="refined")])
    with pytest.raises(ValueError, match="There is no pair to learn from: of 1, none fits"):
        learn_preferences(preferring(tmp_path / "run", base, path, 1))
