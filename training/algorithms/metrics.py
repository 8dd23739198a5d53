"""Metrics of every rollout batch, independent of the algorithm."""

import torch

from training.algorithms.algorithm import Metrics, Rollouts


@torch.no_grad()
def rollout_metrics(rollouts: Rollouts, advantages: torch.Tensor) -> Metrics:
    """Return rewards, lengths, the distribution of advantages, and distances between policy, base and sampler.

    `kl_to_base` is the mean over rollouts of `log π_old(y) - log π_b(y)`, nats per sequence; `sampler_mismatch` the
    mean over tokens of `|log π_old - log π_sampler|`; entropies are nats per token. If older weights sampled,
    `importance` is the mean weight of a rollout and `importance_sample_size` the effective share of the rollouts.
    """
    mask, rewards = rollouts.mask, rollouts.rewards.float()
    tokens = mask.sum().clamp(min=1)
    right = rewards > 0
    mass = advantages.abs()
    metrics = {
        "reward": float(rewards.mean()),
        "all_wrong_fraction": float((~right).all(1).float().mean()),
        "all_right_fraction": float(right.all(1).float().mean()),
        "length": float(mask.sum(-1).float().mean()),
        "advantage_mass_right": float(torch.where(right, mass, 0.0).mean()),
        "advantage_mass_wrong": float(torch.where(right, 0.0, mass).mean()),
    }
    if rollouts.base_log_probs is not None:
        difference = torch.where(mask, rollouts.old_log_probs - rollouts.base_log_probs, 0.0)
        of_answers = difference.sum(-1) if rollouts.importance is None else difference.sum(-1) * rollouts.importance
        metrics["kl_to_base"] = float(of_answers.mean())
    if rollouts.old_entropies is not None:
        metrics["entropy"] = float(torch.where(mask, rollouts.old_entropies, 0.0).sum() / tokens)
    if rollouts.sampler_log_probs is not None:
        difference = torch.where(mask, rollouts.old_log_probs - rollouts.sampler_log_probs, 0.0).abs()
        metrics["sampler_mismatch"] = float(difference.sum() / tokens)
        metrics["sampler_mismatch_max"] = float(difference.max())
    if rollouts.importance is not None:
        weights = rollouts.importance
        metrics["importance"] = float(weights.mean())
        metrics["importance_sample_size"] = float(
            weights.sum() ** 2 / (weights**2).sum().clamp(min=1e-30) / weights.numel()
        )
    return metrics
