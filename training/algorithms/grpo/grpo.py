"""GRPO: rewards standardised within the group, PPO's clipped ratio, a KL penalty. arXiv 2402.03300, equations 3 and 4.

Each response's token losses are averaged over its own length first, so long wrong answers are punished less per token.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Metrics, Rollouts
from training.algorithms.objective import clip_fractions, clipped_surrogate, k3_divergence, per_sequence_mean


@dataclass
class Grpo(Algorithm):
    """`A_i = (r_i - mean r)/(std r + ε)`."""

    clip: PositiveFloat = 0.2
    """Maximum deviation of the ratio π_θ/π_old from 1 before a token's gradient vanishes."""
    beta: NonNegativeFloat = 0.0
    """Weight of the KL penalty to the base, estimated by k3; the paper's value is 0.04."""
    std: Literal["population", "sample"] = "population"
    """Divisor of the variance: n or n - 1."""
    epsilon: PositiveFloat = 1e-6
    """Added to the standard deviation."""

    @property
    def needs_base(self) -> bool:
        return self.beta > 0

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        return Advantages(self.standardise(rollouts.rewards), {})

    def standardise(self, rewards: Tensor) -> Tensor:
        """Standardise rewards `[G, N]` to mean 0 and standard deviation 1 in each group; 0 if all are equal."""
        centred = rewards - rewards.mean(1, keepdim=True)
        spread = rewards.std(1, keepdim=True, correction=int(self.std == "sample"))
        return centred / (spread + self.epsilon)

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return per_sequence_mean(rollouts.mask)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        losses = clipped_surrogate(rollouts, advantages, self.clip, self.clip)
        return losses + self.beta * k3_divergence(rollouts) if self.beta else losses

    def update_metrics(self, rollouts: Rollouts, advantages: Tensor) -> Metrics:
        return clip_fractions(rollouts, advantages, self.clip, self.clip)
