"""Building blocks of losses: baselines, per-token losses and averages over tokens."""

import torch
from torch import Tensor

from training.algorithms.algorithm import Rollouts


def leave_one_out(rewards: Tensor) -> Tensor:
    """Return `r_i - mean_{j≠i} r_j` within each group of `[G, N]`; N of at least 2."""
    n = rewards.shape[1]
    if n < 2:
        raise ValueError("A leave-one-out baseline needs at least 2 rollouts a prompt.")
    return (n * rewards - rewards.sum(1, keepdim=True)) / (n - 1)


def sequence_log_ratio(numerator: Tensor, denominator: Tensor, mask: Tensor) -> Tensor:
    """Return `log p(y) - log q(y)` of whole responses, `[G, N]`, from token log-probabilities; no length
    normalisation.
    """
    return torch.where(mask, numerator - denominator, 0.0).sum(-1)


def importance_ratio(rollouts: Rollouts) -> Tensor:
    """Return `π_θ/π_old` of each token, `[G, N, T]`, with gradient; 1 outside the mask."""
    return torch.where(rollouts.mask, rollouts.log_probs - rollouts.old_log_probs, 0.0).exp()


def score_function(rollouts: Rollouts, advantages: Tensor) -> Tensor:
    """REINFORCE: `-A log π_θ` of each token."""
    return torch.where(rollouts.mask, -advantages[..., None] * rollouts.log_probs, 0.0)


def clipped_surrogate(rollouts: Rollouts, advantages: Tensor, low: float, high: float) -> Tensor:
    """PPO: `-min(r A, clip(r, 1 - low, 1 + high) A)` of each token."""
    ratio, advantage = importance_ratio(rollouts), advantages[..., None]
    surrogate = torch.minimum(ratio * advantage, ratio.clamp(1 - low, 1 + high) * advantage)
    return torch.where(rollouts.mask, -surrogate, 0.0)


def k3_divergence(rollouts: Rollouts) -> Tensor:
    """`ref/π - log(ref/π) - 1` of each token: an unbiased, non-negative estimate of KL(π‖ref)."""
    log_ratio = torch.where(rollouts.mask, rollouts.of_base() - rollouts.log_probs, 0.0)
    return log_ratio.exp() - log_ratio - 1


def per_sequence_mean(mask: Tensor) -> Tensor:
    """Return weights for the mean over rollouts of each one's mean over tokens."""
    lengths = mask.sum(-1, keepdim=True).clamp(min=1)
    return mask / (lengths * (mask.shape[0] * mask.shape[1]))


def constant_length(mask: Tensor, length: int) -> Tensor:
    """Return weights for the mean over rollouts of the sum over tokens divided by a constant, the maximum response
    length.
    """
    return mask / (mask.shape[0] * mask.shape[1] * length)


def per_token_mean(mask: Tensor) -> Tensor:
    """Return weights for the mean over all tokens of the batch."""
    return mask / mask.sum().clamp(min=1)


def clip_fractions(rollouts: Rollouts, advantages: Tensor, low: float, high: float) -> dict[str, float]:
    """Return the shares of clipped tokens, and the largest ratio."""
    with torch.no_grad():
        ratio = importance_ratio(rollouts)
        advantage = advantages[..., None].expand_as(ratio)
        held = ((ratio > 1 + high) & (advantage > 0)) | ((ratio < 1 - low) & (advantage < 0))
        tokens = rollouts.mask.sum().clamp(min=1)
        return {"clip_fraction": float((held & rollouts.mask).sum() / tokens), "ratio_max": float(ratio.max())}
