from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from training import config as module
from training.algorithms.filtered.alpha_dpg import AlphaDpg
from training.config import ConfigError, OptimizerConfig, TrainingConfig, load_config
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples
from training.trainer.optimization import learning_rate_at

EXAMPLE = """
[run]
folder = "runs/alpha"

[model]
path = "runs/base/model"
lora = { rank = 8 }

[rollouts]
prompts = ["train.jsonl"]
prompts_per_step = 32
rollouts_per_prompt = 8

[algorithm]
name = "alpha_dpg"
options = { alpha = 0.5, partition = "running" }
"""


def load(tmp_path: Path, text: str) -> TrainingConfig:
    path = tmp_path / "run.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path)


def test_a_file_becomes_settings_and_an_algorithm(tmp_path: Path) -> None:
    config = load(tmp_path, EXAMPLE)
    assert config.run.folder == Path("runs/alpha")
    assert config.model.lora is not None
    assert config.model.lora.rank == 8
    assert config.rollouts is not None
    algorithm = config.algorithm.create(config.rollouts.max_response_tokens)
    assert algorithm == AlphaDpg(length=1024, alpha=0.5, partition="running")
    assert config.sft is None


@pytest.mark.parametrize(
    ("before", "after", "sentence"),
    [
        ("rank = 8", "rank = 0", "model.lora.rank: input should be greater than or equal to 1, found 0."),
        ("[model]", "[mdoel]", "mdoel: there is no such setting."),
        ("prompts_per_step = 32", "promts = 3", "rollouts.promts: there is no such setting."),
        ('folder = "runs/alpha"', "", "run.folder: this setting is missing."),
        ("alpha = 0.5", "alpha = 1", "algorithm: alpha must lie in [0, 1), found 1.0"),
        ("alpha = 0.5", "alfa = 0.5", "algorithm: alfa: there is no such setting."),
        ('name = "alpha_dpg"', 'name = "ppo"', "algorithm: unknown algorithm 'ppo'; the choices are alpha_dpg, "),
        ('path = "runs/base/model"', "", "model: lora needs a model to adapt: set path."),
        ("[model]", "[model", "is not TOML: "),
        (
            "prompts_per_step = 32",
            "sampler_hosts = 2",
            "rollouts.sampler_hosts is 2, and a batch has 1 of rollouts.parts",
        ),
        ("[model]", "[model]\nshape = { width = 100 }", "model.shape: width / heads is 25, but vLLM serves"),
    ],
)
def test_a_mistake_is_told_in_one_sentence_with_its_place(
    tmp_path: Path, before: str, after: str, sentence: str
) -> None:
    assert before in EXAMPLE
    with pytest.raises(ConfigError) as refusal:
        load(tmp_path, EXAMPLE.replace(before, after))
    said = str(refusal.value)
    assert sentence in said
    assert said.startswith(str(tmp_path / "run.toml"))
    assert "\n" not in said
    assert said.endswith(".")


PRECOMPUTED = """
[run]
folder = "r"
[algorithm]
options = { partition = "precomputed" }
base_samples = ["%s"]
"""


def measured(path: Path, **sampling: float) -> Path:
    right, wrong = (
        SampledProof(text="by simp", count=1, verified=True),
        SampledProof(text="by omega", count=3, verified=False),
    )
    theorems = (TheoremSamples(name="a", proofs=(right, wrong)), TheoremSamples(name="b", proofs=(wrong,)))
    drawn = {"temperature": 1.0, "top_p": 1.0, "max_tokens": 64} | sampling
    ModelSamples(model="base", corpus="c", sampling=drawn, theorems=theorems).save(path)
    return path


def test_partitions_are_the_shares_of_right_answers_that_the_base_gave(tmp_path: Path) -> None:
    config = load(tmp_path, PRECOMPUTED % measured(tmp_path / "base.json.gz"))
    algorithm = config.algorithm.create(64)
    assert isinstance(algorithm, AlphaDpg)
    assert algorithm.partitions == {"a": 0.25, "b": 0.0}
    algorithm.check_prompts(["b", "a"])
    with pytest.raises(ValueError, match="no value for prompt 'c'"):
        algorithm.check_prompts(["a", "c"])


def test_samples_that_were_not_drawn_as_rollouts_are_give_no_partitions(tmp_path: Path) -> None:
    config = load(tmp_path, PRECOMPUTED % measured(tmp_path / "base.json", top_p=0.99))
    with pytest.raises(ValueError, match=r"base\.json was sampled with top_p 0\.99, and rollouts are with 1: sample"):
        config.algorithm.create(64)
    config = load(tmp_path, PRECOMPUTED % measured(tmp_path / "base.json"))
    with pytest.raises(ValueError, match="max_tokens 64, and rollouts are with 128"):
        config.algorithm.create(128)


def test_samples_of_the_base_are_for_the_precomputed_partition_alone(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match='base_samples are for the option partition = "precomputed"'):
        load(tmp_path, (PRECOMPUTED % "x").replace("precomputed", "running"))


def test_further_mistakes_are_counted(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"rank.*found 0 \(and 1 more\)\."):
        load(tmp_path, EXAMPLE.replace("rank = 8", "rank = 0").replace("prompts_per_step = 32", "prompts_per_step = 0"))


def test_rows_must_divide_into_micro_rows(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"sft: rows \(16\) must be a multiple of micro_rows \(5\)"):
        load(tmp_path, '[run]\nfolder = "x"\n[sft]\nproofs = ["p"]\nmicro_rows = 5')


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.toml cannot be read: No such file or directory\."):
        load_config(tmp_path / "nowhere.toml")


def sections() -> list[type[BaseModel]]:
    found = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, BaseModel)]
    return [section for section in found if section.model_fields]


@pytest.mark.parametrize("section", sections(), ids=lambda section: section.__name__)
def test_every_setting_is_described(section: type[BaseModel]) -> None:
    assert section.__doc__
    assert [name for name, field in section.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(
    ("schedule", "at_half", "at_end"), [("constant", 1.0, 1.0), ("linear", 0.55, 0.1), ("cosine", 0.55, 0.1)]
)
def test_learning_rate_rises_then_follows_its_schedule(schedule: Any, at_half: float, at_end: float) -> None:
    config = OptimizerConfig(learning_rate=2.0, schedule=schedule, warmup_fraction=0.1)
    rates = [learning_rate_at(step, 110, config) for step in range(1, 111)]
    assert rates[0] == pytest.approx(2 / 11)
    assert rates[10] == 2.0
    assert rates[10 + 50 - 1] == pytest.approx(2 * at_half, abs=0.05)
    assert rates[-1] == pytest.approx(2 * at_end)


def test_without_warm_up_the_first_step_is_full() -> None:
    assert learning_rate_at(1, 10, OptimizerConfig(learning_rate=1.0, warmup_fraction=0.0)) == 1.0
