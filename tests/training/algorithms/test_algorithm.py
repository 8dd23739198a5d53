"""Properties of every algorithm, and creation by name."""

import json

import pytest
import torch

from tests.training.algorithms.rollout_groups import rollouts
from training.algorithms.algorithm import Rollouts
from training.algorithms.filtered.alpha_dpg import AlphaDpg
from training.algorithms.grpo.dapo import Dapo
from training.algorithms.grpo.erc import EntropyRatioClipping
from training.algorithms.metrics import rollout_metrics
from training.algorithms.registry import ALGORITHMS, create_algorithm

OPTIONS: dict[str, dict[str, int]] = {"pass_at_k": {"k": 2}}  # a set of all four rollouts has no contrast


def batch() -> Rollouts:
    torch.manual_seed(3)
    shape = (3, 4, 5)
    entropies = torch.rand(shape) + 0.5
    old = -2 * torch.rand(shape) - 0.1
    return rollouts(
        [[1, 0, 0, 1], [1, 1, 1, 0], [0, 0, 1, 0]],
        torch.randn(3, 4).tolist(),
        tokens=5,
        lengths=[[5, 2, 3, 1], [4, 4, 1, 5], [2, 3, 5, 5]],
        old_log_probs=old,
        log_probs=(old + 0.1 * torch.randn(shape)).requires_grad_(),
        old_entropies=entropies,
        entropies=entropies * (1 + 0.05 * torch.randn(shape)),
        sampler_log_probs=old + 0.01,
        greedy_rewards=torch.tensor([1.0, 0.0, 1.0]),
    )


@pytest.mark.parametrize("name", ALGORITHMS)
def test_micro_batches_add_up_to_the_gradient_of_the_whole_step(name: str) -> None:
    algorithm, whole = create_algorithm(name, OPTIONS.get(name, {}), length=5), batch()
    advantages = algorithm.advantages(whole).values
    weights = algorithm.token_weights(whole)
    (expected,) = torch.autograd.grad(algorithm.loss(whole, advantages), whole.log_probs)
    total = torch.zeros_like(expected)
    for part in ([0], [1, 2]):
        losses = algorithm.token_losses(whole.select(part), advantages[part])
        (gradient,) = torch.autograd.grad((weights[part] * losses).sum(), whole.log_probs)
        total += gradient
    assert torch.allclose(total, expected, atol=1e-7)
    assert expected.abs().sum() > 0
    assert not expected[~whole.mask].any()


@pytest.mark.parametrize("name", ALGORITHMS)
def test_advantages_do_not_look_at_the_policy_being_trained(name: str) -> None:
    algorithm, whole = create_algorithm(name, OPTIONS.get(name, {}), length=5), batch()
    advantages = algorithm.advantages(whole)
    assert not advantages.values.requires_grad
    assert advantages.values.shape == (3, 4)
    object.__setattr__(whole, "log_probs", torch.full_like(whole.log_probs, torch.nan))
    assert torch.equal(
        create_algorithm(name, OPTIONS.get(name, {}), length=5).advantages(whole).values, advantages.values
    )


@pytest.mark.parametrize("name", ALGORITHMS)
def test_metrics_are_numbers_and_state_is_json(name: str) -> None:
    algorithm, whole = create_algorithm(name, OPTIONS.get(name, {}), length=5), batch()
    advantages = algorithm.advantages(whole)
    metrics = {**advantages.metrics, **algorithm.update_metrics(whole, advantages.values)}
    assert all(isinstance(value, float) for value in metrics.values())
    algorithm.load_state_dict(json.loads(json.dumps(algorithm.state_dict())))


def test_rollout_metrics() -> None:
    whole = batch()
    metrics = rollout_metrics(whole, torch.tensor([[1.0, -2, 0, 0], [0, 0, 0, 0], [0, 0, 3, 0]]))
    assert metrics["reward"] == pytest.approx(6 / 12)
    assert metrics["length"] == pytest.approx(40 / 12)
    assert metrics["advantage_mass_right"] == pytest.approx(4 / 12)
    assert metrics["advantage_mass_wrong"] == pytest.approx(2 / 12)
    assert metrics["sampler_mismatch"] == pytest.approx(0.01, abs=1e-6)
    assert whole.base_log_probs is not None
    difference = ((whole.old_log_probs - whole.base_log_probs) * whole.mask).sum(-1).mean()
    assert metrics["kl_to_base"] == pytest.approx(difference.item(), abs=1e-6)


def test_groups_without_contrast_are_counted() -> None:
    metrics = rollout_metrics(rollouts([[0, 0], [1, 1], [1, 0], [0, 0]]), torch.zeros(4, 2))
    assert (metrics["all_wrong_fraction"], metrics["all_right_fraction"]) == (0.5, 0.25)


def test_tensors_of_the_wrong_shape_are_refused() -> None:
    with pytest.raises(ValueError, match=r"greedy_rewards has shape \(2,\), expected \(1,\)"):
        rollouts([[1, 0]], greedy_rewards=torch.zeros(2))
    with pytest.raises(ValueError, match=r"expected \[groups, rollouts, tokens\] with 1 groups"):
        Rollouts(("x",), torch.zeros(2, 2), torch.zeros(2, 2), torch.zeros(2, 2), torch.zeros(2))
    with pytest.raises(ValueError, match=r"rewards are torch.int64, expected floating point"):
        Rollouts(("x",), torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), torch.zeros(1, 2, 3), torch.tensor([[1, 0]]))


def test_an_algorithm_takes_its_options_by_name() -> None:
    assert create_algorithm("alpha_dpg", {"alpha": 0.5}, length=256) == AlphaDpg(length=256, alpha=0.5)
    assert create_algorithm("kl_dpg", {}, length=256) == AlphaDpg(length=256, alpha=0.0)
    erc = create_algorithm("erc_dapo", {"low": 0.1, "clip_high": 0.3}, length=256)
    assert erc == EntropyRatioClipping(Dapo(clip_high=0.3), low=0.1)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("ppo", {}, "Unknown algorithm 'ppo'; the choices are alpha_dpg"),
        ("alpha_dpg", {"alpha": 1}, "alpha must lie in"),
        ("kl_dpg", {"alpha": 0.5}, "kl_dpg is alpha_dpg at alpha = 0"),
        ("grpo", {"alpha": 0.5}, "alpha\n  Unexpected keyword argument"),
        ("grpo", {"clip": -1}, "greater than 0"),
        ("erc_gppo", {"low": "x"}, "low\n  Input should be a valid number"),
    ],
)
def test_options_an_algorithm_cannot_take_are_refused(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        create_algorithm(name, options, length=256)


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_that_leaves_groups_out_says_that_they_are_replaced(name: str) -> None:
    algorithm = create_algorithm(name, OPTIONS.get(name, {}), length=5)
    rewards = torch.tensor([[0.0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 1, 1], [1, 1, 0, 0]])
    assert algorithm.replaces_groups or algorithm.keep_groups(rewards).all()
