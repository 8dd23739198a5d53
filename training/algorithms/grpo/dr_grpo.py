"""Dr. GRPO: GRPO without its two biases. arXiv 2503.20783, "Dr. GRPO: group relative policy optimization done right".

No division by the group's standard deviation (which favours very easy and very hard prompts) and a constant divisor
instead of each response's length (which favours long wrong answers).
"""

from dataclasses import dataclass

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Metrics, Rollouts
from training.algorithms.objective import clip_fractions, clipped_surrogate, constant_length


@dataclass
class DrGrpo(Algorithm):
    """`A_i = r_i - mean r`."""

    length: PositiveInt
    """Maximum length of a response in tokens: the constant divisor of the loss."""
    clip: PositiveFloat = 0.2
    """Maximum deviation of the ratio π_θ/π_old from 1 before a token's gradient vanishes."""

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        return Advantages(rollouts.rewards - rollouts.rewards.mean(1, keepdim=True), {})

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return constant_length(rollouts.mask, self.length)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        return clipped_surrogate(rollouts, advantages, self.clip, self.clip)

    def update_metrics(self, rollouts: Rollouts, advantages: Tensor) -> Metrics:
        return clip_fractions(rollouts, advantages, self.clip, self.clip)
