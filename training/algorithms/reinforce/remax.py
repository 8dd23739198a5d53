"""ReMax: REINFORCE with the greedy rollout's reward as baseline. arXiv 2310.10505, algorithm 1.

Needs one more rollout per prompt, at temperature 0, and its verdict.
"""

from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Rollouts
from training.algorithms.objective import constant_length, score_function


@dataclass
class ReMax(Algorithm):
    """`A_i = r_i - r(greedy)`."""

    length: PositiveInt
    """Maximum length of a response in tokens: the constant divisor of the loss."""

    @property
    def needs_greedy(self) -> bool:
        return True

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        greedy = rollouts.of_greedy()
        return Advantages(rollouts.rewards - greedy[:, None], {"greedy_reward": float(greedy.float().mean())})

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return constant_length(rollouts.mask, self.length)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        return score_function(rollouts, advantages)
