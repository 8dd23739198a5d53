"""Rollouts made from what a test is about, the rest filled in."""

import torch
from torch import Tensor

from training.algorithms.algorithm import Rollouts


def rollouts(
    rewards: list[list[float]],
    log_ratio: list[list[float]] | None = None,
    tokens: int = 3,
    lengths: list[list[int]] | None = None,
    seed: int = 0,
    **given: Tensor,
) -> Rollouts:
    """Groups with these rewards; `log_ratio` is log base minus log old of each whole response."""
    random = torch.Generator().manual_seed(seed)
    reward = torch.tensor(rewards, dtype=torch.float32)
    groups, n = reward.shape
    mask = torch.ones(groups, n, tokens, dtype=torch.bool)
    if lengths is not None:
        mask = torch.arange(tokens) < torch.tensor(lengths)[..., None]
    old = given.pop("old_log_probs", -3 * torch.rand(groups, n, tokens, generator=random) - 0.1)
    base = old.clone()
    if log_ratio is not None:
        base = base + torch.tensor(log_ratio)[..., None] * mask / mask.sum(-1, keepdim=True)
    return Rollouts(
        prompts=tuple(f"prompt {index}" for index in range(groups)),
        log_probs=given.pop("log_probs", old.clone()),
        old_log_probs=old,
        mask=mask,
        rewards=reward,
        base_log_probs=given.pop("base_log_probs", base),
        **given,
    )


def gradient_of(loss: Tensor, log_probs: Tensor) -> Tensor:
    (gradient,) = torch.autograd.grad(loss, log_probs)
    return gradient
