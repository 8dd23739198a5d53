"""One batch's optimiser steps, on a tiny model and answers that were never sampled."""

import copy
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from training.algorithms.algorithm import Metrics, Rollouts
from training.algorithms.registry import create_algorithm
from training.config import OptimizerConfig, RolloutConfig
from training.model.examples import TokenGroup
from training.trainer.distributed.processes import Rank
from training.trainer.optimization import DivergedError, make_optimizer
from training.trainer.updates import score, score_and_keep, train_on
from training.trainer.watch import Watch

RIGHT, WRONG = (5, 6, 7), (8, 9)
GROUPS = [TokenGroup((20 + index, 21), (RIGHT, WRONG, (10, index + 30))) for index in range(6)]
REWARDS = [[1.0, 0.0, 0.0]] * 4 + [[1.0, 1.0, 0.0]] * 2


@pytest.fixture(scope="module")
def fresh() -> LlamaForCausalLM:
    return tiny_model(tiny_tokenizer()).eval()


def settings(**given: Any) -> RolloutConfig:
    return RolloutConfig.model_validate({"prompts": ["p"], "micro_tokens": 1000, **given})


def rollouts_of(model: LlamaForCausalLM, groups: list[TokenGroup], rewards: list[list[float]]) -> Rollouts:
    old = score(model, groups, 1000)
    lengths = torch.tensor([[len(response) for response in group.responses] for group in groups])
    return Rollouts(
        prompts=tuple(str(group.prompt) for group in groups),
        log_probs=old.log_probs,
        old_log_probs=old.log_probs,
        mask=torch.arange(old.log_probs.shape[-1]) < lengths[..., None],
        rewards=torch.tensor(rewards),
        base_log_probs=old.log_probs,
        old_entropies=old.entropies,
        greedy_rewards=torch.tensor([row[0] for row in rewards]),
    )


def trained(
    fresh: LlamaForCausalLM,
    name: str = "rloo",
    rate: float = 1e-3,
    rewards: list[list[float]] = REWARDS,
    options: dict[str, Any] | None = None,
    **given: Any,
) -> tuple[LlamaForCausalLM, Metrics]:
    model = copy.deepcopy(fresh)
    optimizer = make_optimizer(model, OptimizerConfig(learning_rate=rate))
    algorithm = create_algorithm(name, options or {}, 8)
    batch = rollouts_of(model, GROUPS, rewards)
    limits = settings(**given)
    kept = score_and_keep(model, GROUPS, limits.micro_tokens)[1] if limits.kept_tokens else ()
    metrics = train_on(model, optimizer, algorithm, GROUPS, batch, limits, rate, 1.0, Rank(), Watch(), kept)
    return model, metrics


def difference(one: LlamaForCausalLM, other: LlamaForCausalLM) -> float:
    pairs = zip(one.parameters(), other.parameters(), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


ALL = [
    "alpha_dpg",
    "rs_ft",
    "grpo",
    "dr_grpo",
    "rloo",
    "remax",
    "gpg",
    "unlikely",
    "dapo",
    "gppo",
    "erc_dapo",
    "erc_gppo",
]


@pytest.mark.parametrize("name", ALL)
def test_every_algorithm_makes_right_answers_likelier(fresh: LlamaForCausalLM, name: str) -> None:
    model, metrics = trained(fresh, name, updates_per_batch=2)
    before, after = (score(each, GROUPS, 1000).log_probs.sum(-1)[:, 0] for each in (fresh, model))
    assert (after > before).all()
    assert metrics["gradient_norm"] > 0


def test_micro_batches_change_nothing(fresh: LlamaForCausalLM) -> None:
    whole, _ = trained(fresh, "grpo")
    cut, metrics = trained(fresh, "grpo", micro_tokens=16)
    # Adam divides by the gradient's size: where a gradient is nothing but rounding, its sign is.
    assert difference(whole, cut) < 1e-2 * difference(whole, fresh)
    assert metrics["reward"] == pytest.approx(8 / 18)


@pytest.mark.parametrize("name", ["alpha_dpg", "grpo"])
@pytest.mark.parametrize("micro_tokens", [16, 1000])
def test_passes_that_were_kept_give_the_very_weights_of_new_ones(
    fresh: LlamaForCausalLM, name: str, micro_tokens: int
) -> None:
    anew, metrics = trained(fresh, name, micro_tokens=micro_tokens)
    kept, the_same = trained(fresh, name, micro_tokens=micro_tokens, kept_tokens=1000)
    assert difference(anew, kept) == 0.0
    assert metrics == the_same


def test_a_batch_is_cut_into_as_many_steps_as_asked_for_and_ratios_move(fresh: LlamaForCausalLM) -> None:
    once, one = trained(fresh, "dapo")
    often, several = trained(fresh, "dapo", updates_per_batch=3)
    assert one["ratio_max"] == pytest.approx(1, abs=1e-4)
    assert several["ratio_max"] > 1.001
    assert difference(once, often) > 1e-4


def test_a_ratio_that_explodes_ends_the_run_before_the_step(fresh: LlamaForCausalLM) -> None:
    with pytest.raises(DivergedError, match=r"times as likely as when it was sampled \(rollouts.max_ratio 1.01\)"):
        trained(fresh, "grpo", updates_per_batch=6, rate=0.05, max_ratio=1.01)


def test_a_ratio_that_explodes_in_the_only_update_of_a_batch_ends_the_run(fresh: LlamaForCausalLM) -> None:
    with pytest.raises(DivergedError, match=r"times as likely as when it was sampled"):
        trained(fresh, "rloo", rate=0.05, max_ratio=1.01)
    assert trained(fresh, "rloo", rate=1e-5)[1]["update_ratio_max"] == pytest.approx(1.0, abs=1e-2)


def test_weights_that_are_not_numbers_end_the_run(fresh: LlamaForCausalLM) -> None:
    broken = copy.deepcopy(fresh)
    with torch.no_grad():
        broken.lm_head.weight[:] = float("nan")
    with pytest.raises(DivergedError, match=r"the loss is nan|nan times as likely"):
        trained(broken, "rloo")


def test_a_batch_without_any_usable_group_takes_no_step(fresh: LlamaForCausalLM) -> None:
    model = copy.deepcopy(fresh)
    optimizer = make_optimizer(model, OptimizerConfig())
    nothing = rollouts_of(model, GROUPS, REWARDS).select([])
    algorithm = create_algorithm("dapo", {}, 8)
    assert train_on(model, optimizer, algorithm, [], nothing, settings(), 1.0, 1.0, Rank(), Watch()) == {}
    assert difference(model, fresh) == 0
