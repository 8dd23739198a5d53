"""SCRPO against values that numpy computes from its formula, and what holds of every batch."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.training.algorithms.rollout_groups import gradient_of, rollouts
from training.algorithms.algorithm import Rollouts
from training.algorithms.preferences.scrpo import Scrpo


def expected_loss(batch: Rollouts, beta: float, nll: float) -> float:
    """The mean over pairs, one pair after the other, in float64."""
    log_probs, base, mask, rewards = (
        np.asarray(tensor.detach().numpy(), dtype=np.float64)
        for tensor in (batch.log_probs, batch.of_base(), batch.mask, batch.rewards)
    )
    losses = []
    for group in range(len(rewards)):
        for right in np.flatnonzero(rewards[group] > 0):
            for wrong in np.flatnonzero(rewards[group] == 0):
                difference = ((log_probs - base) * mask)[group].sum(-1)
                preference = -np.log(1 / (1 + np.exp(-beta * (difference[right] - difference[wrong]))))
                likelihood = (log_probs * mask)[group, right].sum() / mask[group, right].sum()
                losses.append(preference - nll * likelihood)
    return float(np.mean(losses)) if losses else 0.0


# What the formula gives by hand: log 2 where policy and reference agree; softplus(-β Δ) for Δ = 2 and 5.
@pytest.mark.parametrize(
    ("log_ratio", "beta", "loss"),
    [
        ([0.0, 0.0], 0.1, 0.693147),
        ([-1.0, 1.0], 0.1, 0.598139),
        ([-2.0, 3.0], 0.5, 0.078889),
        ([1.0, -1.0], 0.1, 0.798139),
    ],
)
def test_the_loss_of_one_pair(log_ratio: list[float], beta: float, loss: float) -> None:
    batch = rollouts([[1, 0]], [log_ratio])
    scrpo = Scrpo(beta=beta, nll=0.0)
    assert float(scrpo.loss(batch, scrpo.advantages(batch).values)) == pytest.approx(loss, abs=1e-5)


def test_the_likelihood_of_what_is_preferred_is_a_mean_over_its_tokens() -> None:
    batch = rollouts([[1, 0]], lengths=[[2, 3]])
    with_nll, without = Scrpo(nll=0.5), Scrpo(nll=0.0)
    advantages = with_nll.advantages(batch).values
    more = float(with_nll.loss(batch, advantages) - without.loss(batch, advantages))
    assert more == pytest.approx(-0.5 * float(batch.log_probs[0, 0, :2].mean()), abs=1e-6)


@given(
    st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=3, max_size=3), min_size=1, max_size=4),
    st.integers(0, 1000),
    st.sampled_from([0.05, 0.1, 1.0]),
    st.sampled_from([0.0, 0.2, 1.0]),
)
def test_batches_agree_with_numpy_and_the_gradient_favours_what_is_preferred(
    rewards: list[list[float]], seed: int, beta: float, nll: float
) -> None:
    random = torch.Generator().manual_seed(seed)
    shape = (len(rewards), 3, 5)
    lengths = torch.randint(1, 6, shape[:2], generator=random).tolist()
    log_probs = (-3 * torch.rand(shape, generator=random) - 0.1).requires_grad_()
    base = -3 * torch.rand(shape, generator=random) - 0.1
    batch = rollouts(rewards, tokens=5, lengths=lengths, log_probs=log_probs, base_log_probs=base)
    scrpo = Scrpo(beta=beta, nll=nll)
    advantages = scrpo.advantages(batch).values
    loss = scrpo.loss(batch, advantages)
    assert float(loss.detach()) == pytest.approx(expected_loss(batch, beta, nll), rel=1e-4, abs=1e-6)
    gradient = gradient_of(loss, log_probs)
    assert not gradient[~batch.mask].any()
    paired = torch.tensor([0 < sum(group) < len(group) for group in rewards])
    assert not gradient[~paired].any()  # nothing is learnt from a group without a pair
    right = (batch.rewards > 0)[..., None] & batch.mask & paired[:, None, None]
    wrong = (batch.rewards == 0)[..., None] & batch.mask & paired[:, None, None]
    assert (gradient[right] < 0).all()
    assert (gradient[wrong] > 0).all()
