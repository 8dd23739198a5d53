"""DAPO: GRPO with a higher upper clip, a token mean, no KL, and replacement of groups without signal. arXiv 2503.14476,
sections 3.1 to 3.3.

The dual clip (arXiv 1912.09729, dual-clip PPO) limits the loss of a token with negative advantage whose ratio explodes.
It has an effect only with several optimiser steps per rollout batch: with one, every ratio is 1. Replaced groups count
against the rollout budget.
"""

from dataclasses import dataclass

import torch
from pydantic import PositiveFloat
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Metrics, Rollouts
from training.algorithms.grpo.grpo import Grpo
from training.algorithms.objective import clip_fractions, importance_ratio, per_token_mean


@dataclass
class Dapo(Algorithm):
    """GRPO's advantages; `-max(min(r A, clip(r) A), c A)` for a negative A."""

    clip_low: PositiveFloat = 0.2
    """Maximum decrease of the ratio below 1 before a token's gradient vanishes."""
    clip_high: PositiveFloat = 0.28
    """Maximum increase of the ratio above 1."""
    dual_clip: PositiveFloat = 10.0
    """c: the largest ratio that counts for a token with negative advantage."""

    @property
    def replaces_groups(self) -> bool:
        return True

    def keep_groups(self, rewards: Tensor) -> Tensor:
        accuracy = rewards.mean(1)
        return (accuracy > 0) & (accuracy < 1)

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        return Advantages(Grpo().standardise(rollouts.rewards), {})

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return per_token_mean(rollouts.mask)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        ratio, advantage = importance_ratio(rollouts), advantages[..., None]
        surrogate = torch.minimum(ratio * advantage, self.clip_ratio(ratio) * advantage)
        surrogate = torch.where(advantage < 0, torch.maximum(surrogate, self.dual_clip * advantage), surrogate)
        return torch.where(rollouts.mask, -surrogate, 0.0)

    def clip_ratio(self, ratio: Tensor) -> Tensor:
        """Clip the ratio; clipped tokens have no gradient."""
        return ratio.clamp(1 - self.clip_low, 1 + self.clip_high)

    def update_metrics(self, rollouts: Rollouts, advantages: Tensor) -> Metrics:
        return clip_fractions(rollouts, advantages, self.clip_low, self.clip_high)
