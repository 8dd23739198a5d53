"""DAPO, GPPO and entropy ratio clipping: which tokens keep their gradient after the policy has moved."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.training.algorithms.rollout_groups import gradient_of, rollouts
from training.algorithms.algorithm import Rollouts
from training.algorithms.grpo.dapo import Dapo
from training.algorithms.grpo.erc import EntropyRatioClipping
from training.algorithms.grpo.gppo import Gppo
from training.algorithms.grpo.grpo import Grpo

PLUS_MINUS = torch.tensor([[1.0, -1.0]])


def moved(ratios: list[float], **given: Tensor) -> Rollouts:
    """A right and a wrong answer whose tokens have these ratios π_θ/π_old."""
    ratio = torch.tensor([[ratios, ratios]])
    old = torch.full(ratio.shape, -2.0)
    log_probs = (old + ratio.log()).requires_grad_()
    return rollouts([[1, 0]], tokens=len(ratios), old_log_probs=old, log_probs=log_probs, **given)


def test_dapo_clips_higher_above_than_below_and_bounds_exploding_ratios() -> None:
    group = moved([1.25, 1.3, 0.7, 30.0])
    gradient = gradient_of(Dapo().loss(group, PLUS_MINUS), group.log_probs) * 8
    assert gradient[0, 0].tolist() == pytest.approx([-1.25, 0, -0.7, 0], abs=1e-5)
    assert gradient[0, 1].tolist() == pytest.approx([1.25, 1.3, 0, 0], abs=1e-5)
    assert Dapo().token_losses(group, PLUS_MINUS)[0, 1, 3].item() == pytest.approx(10)


def test_dapo_weighs_every_token_of_the_batch_alike() -> None:
    group = rollouts([[1, 0], [1, 0]], tokens=4, lengths=[[1, 4], [2, 3]])
    weights = Dapo().token_weights(group)
    assert torch.equal(weights, group.mask / 10)


def test_dapo_keeps_groups_with_both_right_and_wrong_answers() -> None:
    rewards = torch.tensor([[0.0, 0, 0], [1, 0, 0], [1, 1, 1], [1, 1, 0]])
    assert Dapo().keep_groups(rewards).tolist() == [False, True, False, True]
    assert EntropyRatioClipping(Dapo()).keep_groups(rewards).tolist() == [False, True, False, True]
    assert Grpo().keep_groups(rewards).all()


def test_gppo_keeps_the_clipped_value_and_gives_it_the_gradient_of_the_edge() -> None:
    group = moved([1.5, 0.5, 1.1])
    losses = Gppo().token_losses(group, PLUS_MINUS)
    assert losses[0, 0].tolist() == pytest.approx([-1.2, -0.5, -1.1])
    assert losses[0, 1].tolist() == pytest.approx([1.5, 0.8, 1.1])
    gradient = gradient_of(losses.sum(), group.log_probs)
    assert gradient[0, 0].tolist() == pytest.approx([-1.2, -0.5, -1.1])
    assert gradient[0, 1].tolist() == pytest.approx([1.5, 0.8, 1.1])


@given(st.lists(st.floats(0.05, 9.5), min_size=1, max_size=6))
def test_gppo_has_the_values_of_dapo_with_the_same_bounds(ratios: list[float]) -> None:
    group = moved(ratios)
    theirs = Dapo(clip_high=0.2, dual_clip=math.inf).token_losses(group, PLUS_MINUS)
    assert torch.allclose(Gppo().token_losses(group, PLUS_MINUS), theirs, rtol=1e-5)


@given(st.floats(0.3, 3), st.sampled_from([-1.0, 1.0]))
def test_clipped_losses_have_the_gradient_of_their_finite_differences(ratio: float, advantage: float) -> None:
    algorithm = Dapo()
    near_edge = min(abs(ratio - edge) for edge in (0.8, 1.28))
    if near_edge < 1e-3:
        return
    old = torch.full((1, 1, 1), -2.0, dtype=torch.float64)
    group = rollouts([[1]], tokens=1, old_log_probs=old)

    def loss(log_probs: Tensor) -> Tensor:
        object.__setattr__(group, "log_probs", log_probs)
        return algorithm.loss(group, torch.tensor([[advantage]], dtype=torch.float64))

    log_probs = (old + math.log(ratio)).requires_grad_()
    assert torch.autograd.gradcheck(loss, (log_probs,), eps=1e-7)


@pytest.mark.parametrize("inner", [Dapo(), Gppo()], ids=["dapo", "gppo"])
def test_erc_stops_gradients_outside_the_band_and_keeps_values_and_denominator(inner: Dapo) -> None:
    old_entropies = torch.full((1, 2, 5), 2.0)
    change = torch.tensor([1.0, 0.949, 0.951, 1.049, 1.051])
    group = moved([1.1] * 5, old_entropies=old_entropies, entropies=old_entropies * change)
    gated = EntropyRatioClipping(inner)
    plain_loss, gated_loss = inner.loss(group, PLUS_MINUS), gated.loss(group, PLUS_MINUS)
    assert torch.equal(plain_loss, gated_loss)
    keep = torch.tensor([1, 0, 1, 1, 0])
    plain = gradient_of(plain_loss, group.log_probs)
    assert torch.equal(gradient_of(gated_loss, group.log_probs), plain * keep)
    assert plain.abs().min() > 0
    assert gated.update_metrics(group, PLUS_MINUS)["entropy_clip_fraction"] == pytest.approx(2 / 5)


@given(st.lists(st.tuples(st.floats(0.3, 3), st.floats(0.5, 1.5)), min_size=1, max_size=6))
def test_erc_gives_each_token_its_whole_gradient_or_none(tokens: list[tuple[float, float]]) -> None:
    change = torch.tensor([change for _, change in tokens]).expand(1, 2, -1)
    group = moved([ratio for ratio, _ in tokens], old_entropies=torch.ones_like(change), entropies=change)
    inner, gated = Dapo(), EntropyRatioClipping(Dapo())
    assert torch.equal(gated.token_losses(group, PLUS_MINUS), inner.token_losses(group, PLUS_MINUS))
    plain = gradient_of(inner.loss(group, PLUS_MINUS), group.log_probs)
    kept = gradient_of(gated.loss(group, PLUS_MINUS), group.log_probs)
    assert torch.equal(kept, torch.where((change - 1).abs() < 0.05, plain, 0.0))


def test_erc_leaves_tokens_alone_that_were_and_stay_certain() -> None:
    zero = torch.zeros(1, 2, 1)
    group = moved([1.1], old_entropies=zero, entropies=zero)
    assert EntropyRatioClipping(Dapo()).inside(group).all()


def test_erc_without_entropies_is_refused() -> None:
    algorithm = EntropyRatioClipping(Dapo())
    with pytest.raises(ValueError, match="needs entropies"):
        algorithm.loss(moved([1.1]), PLUS_MINUS)


def test_on_policy_all_of_them_have_the_policy_gradient() -> None:
    entropies = torch.full((1, 2, 3), 1.5)
    group = moved([1.0, 1.0, 1.0], entropies=entropies, old_entropies=entropies)
    for algorithm in (Dapo(), Gppo(), EntropyRatioClipping(Dapo()), EntropyRatioClipping(Gppo())):
        gradient = gradient_of(algorithm.loss(group, PLUS_MINUS), group.log_probs)
        assert torch.allclose(gradient, -PLUS_MINUS[..., None].expand(1, 2, 3) / 6)
