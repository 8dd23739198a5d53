"""RLOO: REINFORCE with the other rollouts' mean as baseline. arXiv 2402.14740, the RLOO estimator.

The whole response is one action, so the token log-probabilities are summed; the constant divisor only scales the loss.
"""

from dataclasses import dataclass

import torch
from pydantic import PositiveInt
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Rollouts
from training.algorithms.objective import constant_length, leave_one_out, score_function


@dataclass
class Rloo(Algorithm):
    """`A_i = r_i - mean_{j≠i} r_j`."""

    length: PositiveInt
    """Maximum length of a response in tokens: the constant divisor of the loss."""

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        return Advantages(leave_one_out(rollouts.rewards), {})

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return constant_length(rollouts.mask, self.length)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        return score_function(rollouts, advantages)
