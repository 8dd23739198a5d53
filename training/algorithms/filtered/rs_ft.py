"""RS-FT, rejection-sampling fine-tuning: sample the base, keep the correct, fine-tune on them (RFT, arXiv 2308.01825).

In expectation the gradient of KL(p‖π_θ) for the filtered base p, summed over tokens, taken off-policy; α-DPG at α = 0
follows the same divergence on-policy.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Rollouts
from training.algorithms.objective import per_token_mean, score_function


@dataclass
class RsFt(Algorithm):
    """`A_i = v_i`: cross-entropy, averaged over the tokens of correct answers; wrong ones do not count."""

    samples_base: ClassVar[bool] = True

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        right = (rollouts.rewards > 0).to(rollouts.rewards.dtype)
        return Advantages(right, {"kept_fraction": float(right.mean())})

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return per_token_mean(rollouts.mask & (rollouts.rewards > 0)[..., None])

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        return score_function(rollouts, advantages)
