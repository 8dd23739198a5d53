"""SCRPO, preferences out of self-criticism and refinement, after arXiv 2512.05387: DPO (arXiv 2305.18290) with a term
that keeps preferred answers likely.

Over all pairs of a correct answer y⁺ and a wrong one y⁻ of a group, with log-probabilities of whole answers:

    Δ = log π_θ(y⁺)/π_ref(y⁺) - log π_θ(y⁻)/π_ref(y⁻)
    loss = mean over pairs of  -log σ(β Δ) - λ log π_θ(y⁺)/|y⁺|

A pair comes from a file (a refinement and the proof that it repairs, the shorter and the longer of two proofs), or from
one group of rollouts.
"""

from dataclasses import dataclass

import torch
from pydantic import NonNegativeFloat, PositiveFloat
from torch import Tensor
from torch.nn.functional import softplus

from training.algorithms.algorithm import Advantages, Algorithm, Metrics, Rollouts
from training.algorithms.objective import sequence_log_ratio


@dataclass
class Scrpo(Algorithm):
    """`A_i` is 1 for a preferred answer, -1 for a rejected one, 0 in a group without a pair."""

    beta: PositiveFloat = 0.1
    """β: weight of a difference of log-ratios in nats."""
    nll: NonNegativeFloat = 0.2
    """λ: weight of the mean negative log-likelihood per token of the preferred answer."""

    @property
    def needs_base(self) -> bool:
        return True

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        right = rollouts.rewards > 0
        paired = (right.any(1) & (~right).any(1))[:, None]
        values = torch.where(paired, torch.where(right, 1.0, -1.0), 0.0)
        return Advantages(values, {"paired_fraction": float(paired.float().mean())})

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        right = (rollouts.rewards > 0).sum(1)
        pairs = (right * (rollouts.rewards.shape[1] - right)).sum().clamp(min=1)
        return rollouts.mask / pairs

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        preferred, rejected = advantages > 0, advantages < 0
        log_ratio = sequence_log_ratio(rollouts.log_probs, rollouts.of_base(), rollouts.mask)
        margins = self.beta * (log_ratio[:, :, None] - log_ratio[:, None, :])
        pairs = preferred[:, :, None] & rejected[:, None, :]
        of_pairs = torch.where(pairs, softplus(-margins), 0.0).sum(2)
        lengths = rollouts.mask.sum(-1).clamp(min=1)
        likelihood = torch.where(rollouts.mask, rollouts.log_probs, 0.0).sum(-1) / lengths
        losses = of_pairs - self.nll * likelihood * pairs.sum(2)
        # A pair's loss belongs to no single token: it is spread evenly over those of the preferred answer.
        return torch.where(rollouts.mask, (losses / lengths)[..., None], 0.0)

    @torch.no_grad()
    def update_metrics(self, rollouts: Rollouts, advantages: Tensor) -> Metrics:
        log_ratio = sequence_log_ratio(rollouts.log_probs, rollouts.of_base(), rollouts.mask)
        margins = log_ratio[:, :, None] - log_ratio[:, None, :]
        of_pairs = margins[(advantages > 0)[:, :, None] & (advantages < 0)[:, None, :]]
        if not len(of_pairs):
            return {}
        return {"margin": float(of_pairs.mean()), "preferred_fraction": float((of_pairs > 0).float().mean())}
