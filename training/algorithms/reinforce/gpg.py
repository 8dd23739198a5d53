"""GPG: group policy gradient without ratio, clip or reference model. arXiv 2504.02546, the GPG objective.

The batch's advantages are scaled by the inverse share of rewarded rollouts, because the others hardly contribute.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Rollouts
from training.algorithms.objective import per_token_mean, score_function


@dataclass
class Gpg(Algorithm):
    """`A_i = (B/#nonzero)·(r_i - mean r)`, with B rollouts in the batch; 0 if no rollout has a reward."""

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        rewards = rollouts.rewards
        scale = rewards.numel() / (rewards != 0).sum().clamp(min=1)
        return Advantages(scale * (rewards - rewards.mean(1, keepdim=True)), {"gpg_scale": float(scale)})

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return per_token_mean(rollouts.mask)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        return score_function(rollouts, advantages)
