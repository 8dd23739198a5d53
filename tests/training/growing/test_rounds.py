"""The order of rounds, what is within reach, and the table they come to."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from training.config import ConfigError
from training.conjectures.outcome import ConjectureOutcome, ConjectureStatus
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples
from training.growing.config import GrowConfig, load_grow
from training.growing.report import write_report
from training.growing.rounds import _found, stages

ARMS = ({"name": "grpo", "algorithm": "grpo"}, {"name": "a", "algorithm": "alpha_dpg", "options": {"alpha": 0.5}})


def plan(folder: Path, **changes: object) -> GrowConfig:
    given: dict[str, object] = {"folder": folder, "base": "b", "proofs": ["p"], "dev": "dev.jsonl", "arms": ARMS}
    return GrowConfig.model_validate(given | changes)


def test_all_arms_begin_alike_and_are_as_far_after_each_round(tmp_path: Path) -> None:
    names = [stage.name for stage in stages(plan(tmp_path, rounds=2))]
    assert names[:7] == [
        "dev-all-0",
        "conjecture-all-1",
        "solve-all-1",
        "learn-grpo-1",
        "dev-grpo-1",
        "learn-a-1",
        "dev-a-1",
    ]
    second = ["conjecture", "solve", "learn", "dev"]
    assert names[8:] == [*(f"{kind}-{arm}-2" for arm in ("grpo", "a") for kind in second), "report-all-2"]
    assert names[7] == "report-all-1"


def test_the_next_round_starts_from_the_model_of_the_last(tmp_path: Path) -> None:
    grown = plan(tmp_path)
    grpo = grown.arms[0]
    assert grown.training(grpo, 1).model.path == Path("b")
    assert grown.training(grpo, 3).model.path == grown.run(grpo, 2) / "model"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"arms": (ARMS[0], ARMS[0])}, "two arms are called grpo"),
        ({"arms": ({"name": "x", "algorithm": "ppo"},)}, "Unknown algorithm 'ppo'"),
        ({"rollouts": 3}, "Extra inputs are not permitted"),
    ],
)
def test_mistakes_show_before_anything_is_done(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        plan(tmp_path, **changes)


def test_a_file_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "grow.toml").write_text("folder = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        load_grow(tmp_path / "grow.toml")


def samples(*verified: int) -> ModelSamples:
    theorems = tuple(
        TheoremSamples(
            name=f"t{number}",
            proofs=tuple(
                SampledProof(text=text, count=count, verified=good, term="cc" if good else "")
                for text, count, good in (("by simp", count, True), ("by omega", 8 - count, False))
                if count
            ),
        )
        for number, count in enumerate(verified)
    )
    return ModelSamples(model="m", corpus="c", theorems=theorems)


def write_round(grown: GrowConfig, verified: tuple[int, ...]) -> None:
    for kind in ("conjectures", "theorems", "solved", "dev"):
        (grown.folder / kind).mkdir()
    records = [
        TheoremRecord(name=f"t{number}", statement=f"theorem t{number} : {number} = {number}") for number in range(4)
    ]
    write_jsonl(grown.file("theorems", None, 1, ".jsonl"), records)
    statuses = [ConjectureStatus.KEPT] * 4 + [ConjectureStatus.TRIVIAL]
    outcomes = [
        ConjectureOutcome(number=number, status=status, mutations=("invert",)) for number, status in enumerate(statuses)
    ]
    write_jsonl(grown.file("conjectures", None, 1, ".jsonl"), outcomes)
    samples(*verified).save(grown.file("solved", None, 1, ".json.gz"))


def test_what_is_always_or_never_solved_is_not_within_reach(tmp_path: Path) -> None:
    grown = plan(tmp_path)
    write_round(grown, (8, 6, 1, 7))
    assert [proved.theorem.name for proved in _found(grown, None, 1)] == ["t1", "t2"]


def test_the_table_has_a_row_for_each_arm_and_round(tmp_path: Path) -> None:
    grown = plan(tmp_path, rounds=1)
    write_round(grown, (8, 6, 1, 7))
    samples(4, 4).save(grown.file("dev", None, 0, ".json.gz"))
    for arm in grown.arms:
        samples(8, 4).save(grown.file("dev", arm, 1, ".json.gz"))
    table = write_report(grown, 1)
    assert table[2].startswith("| base | 0 | – | – | – | – | – | 50.0 | 100.0 |")
    assert [line.split(" | ")[0] for line in table[2:]] == ["| base", "| grpo", "| a"]
    assert table[3].startswith("| grpo | 1 | 5 | 4 | 4 | 2 | 68.8% | 75.0 | 100.0 | 1.00 | 1.00 |")
