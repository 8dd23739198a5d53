"""Answers that older weights sampled: weighted, they give the gradient that the policy's own would give."""

import itertools
import math

import pytest
import torch
from torch import Tensor

from training.algorithms.algorithm import Rollouts
from training.algorithms.metrics import rollout_metrics
from training.algorithms.registry import create_algorithm
from training.rollouts.groups import importance_of

LOGITS = torch.tensor([0.3, -0.2, 0.1, 0.0])
OLDER = torch.tensor([0.0, 0.4, -0.3, 0.2])
BASE = torch.tensor([0.2, 0.1, 0.0, -0.4])
RIGHT = (1.0, 0.0, 1.0, 0.0)


def expected_gradient(sampler: Tensor, name: str, most: float | None, **options: float) -> Tensor:
    """The gradient of one update for one theorem with two answers of one token, over all pairs of answers."""
    logits = LOGITS.clone().requires_grad_()
    sampled, base = sampler.log_softmax(-1), BASE.log_softmax(-1)
    algorithm = create_algorithm(name, options, 1)
    total = torch.zeros(())
    for pair in itertools.product(range(len(RIGHT)), repeat=2):
        index = torch.tensor(pair)
        now = logits.log_softmax(-1)[index].reshape(1, 2, 1)
        of_sampler, mask = sampled[index].reshape(1, 2, 1), torch.ones(1, 2, 1, dtype=torch.bool)
        rollouts = Rollouts(
            prompts=("t",),
            log_probs=now,
            old_log_probs=now.detach(),
            mask=mask,
            rewards=torch.tensor([[RIGHT[each] for each in pair]]),
            base_log_probs=base[index].reshape(1, 2, 1),
            sampler_log_probs=of_sampler,
            importance=None if most is None else importance_of(now.detach(), of_sampler, mask, most),
        )
        weights = algorithm.token_weights(rollouts)
        if rollouts.importance is not None:
            weights = weights * rollouts.importance[..., None]
        losses = algorithm.token_losses(rollouts, algorithm.advantages(rollouts).values)
        total = total + sampled[index].sum().exp() * (weights * losses).sum()
    (gradient,) = torch.autograd.grad(total, logits)
    return gradient


def test_weighted_answers_of_older_weights_give_the_policy_s_own_gradient() -> None:
    own = expected_gradient(LOGITS, "rloo", None)
    assert torch.allclose(expected_gradient(OLDER, "rloo", 100.0), own, atol=1e-6)
    assert not torch.allclose(expected_gradient(OLDER, "rloo", None), own, atol=1e-2)


def test_no_answer_counts_more_than_the_bound() -> None:
    policy, sampler = torch.zeros(1, 2, 2), torch.tensor([[[-2.0, -3.0], [0.5, 0.0]]])
    mask = torch.tensor([[[True, True], [True, False]]])
    assert importance_of(policy, sampler, mask, 2.0).tolist() == [[2.0, pytest.approx(math.exp(-0.5))]]


def test_the_partition_is_estimated_under_the_weights_that_sampled() -> None:
    """E_μ[v·π_b/μ] = Z for any μ: over all answers it is the base's share of right ones."""
    sampled, base, policy = (each.log_softmax(-1) for each in (torch.tensor([1.0, 0.0, 1.0, 0.0]), BASE, LOGITS))
    share = float((base.exp() * torch.tensor(RIGHT)).sum())
    total = 0.0
    for answer, right in enumerate(RIGHT):
        index = torch.tensor([answer, answer])
        column = lambda values: values[index].reshape(1, 2, 1)  # noqa: B023, E731
        rollouts = Rollouts(
            prompts=("t",),
            log_probs=column(policy),
            old_log_probs=column(policy),
            mask=torch.ones(1, 2, 1, dtype=torch.bool),
            rewards=torch.full((1, 2), right),
            base_log_probs=column(base),
            sampler_log_probs=column(sampled),
            importance=torch.ones(1, 2),
        )
        metrics = create_algorithm("alpha_dpg", {"partition_floor": 1e-9}, 1).advantages(rollouts).metrics
        total += float(sampled[answer].exp()) * metrics["partition"]
    assert total == pytest.approx(share, rel=1e-5)


def test_weights_and_their_effective_size_are_logged() -> None:
    column = torch.zeros(1, 2, 1)
    rollouts = Rollouts(("t",), column, column, column == 0, torch.ones(1, 2), importance=torch.tensor([[2.0, 0.0]]))
    metrics = rollout_metrics(rollouts, torch.zeros(1, 2))
    assert (metrics["importance"], metrics["importance_sample_size"]) == (1.0, 0.5)
