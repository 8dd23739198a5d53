"""Rewarding the Unlikely: GRPO with lower rewards for correct answers that the policy finds likely. arXiv 2506.02355,
unlikeliness reward.
"""

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat

from training.algorithms.algorithm import Advantages, Rollouts
from training.algorithms.grpo.grpo import Grpo


@dataclass
class Unlikely(Grpo):
    """`r' = r·(1 - β_rank·j/G)` for the j-th least likely of a group of G, from 0; then GRPO."""

    rank_penalty: NonNegativeFloat = 0.25
    """β_rank: maximum reduction of the likeliest rollout's reward."""

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        log_probs = torch.where(rollouts.mask, rollouts.old_log_probs, 0.0).sum(-1)
        mean_log_probs = log_probs / rollouts.mask.sum(-1).clamp(min=1)
        rank = mean_log_probs.argsort(dim=1, stable=True).argsort(dim=1)
        rewards = rollouts.rewards * (1 - self.rank_penalty * rank / rank.shape[1])
        return Advantages(self.standardise(rewards), {})
