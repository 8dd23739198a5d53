"""ERC, entropy ratio clipping: no gradient where one update moved the next-token entropy too far. arXiv 2512.05591.

A constraint on top of another algorithm (DAPO, GPPO): `ρ_t = H[π_θ(·|s_t)]/H[π_old(·|s_t)]` over the full vocabulary;
a token with ρ_t outside the band keeps its value and its place in the denominator but gives no gradient.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import ConfigDict, PositiveFloat
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Metrics, Rollouts


@dataclass
class EntropyRatioClipping(Algorithm):
    """Any algorithm, with gradients only inside the entropy band."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, arbitrary_types_allowed=True
    )

    inner: Algorithm
    """The algorithm whose token losses are gated."""
    low: PositiveFloat = 0.05
    """Maximum decrease of ρ below 1."""
    high: PositiveFloat = 0.05
    """Maximum increase of ρ above 1."""
    epsilon: PositiveFloat = 1e-8
    """Added to both entropies, so that a token that remains certain has ρ = 1."""

    @property
    def needs_base(self) -> bool:
        return self.inner.needs_base

    @property
    def needs_greedy(self) -> bool:
        return self.inner.needs_greedy

    @property
    def replaces_groups(self) -> bool:
        return self.inner.replaces_groups

    def keep_groups(self, rewards: Tensor) -> Tensor:
        return self.inner.keep_groups(rewards)

    def advantages(self, rollouts: Rollouts) -> Advantages:
        return self.inner.advantages(rollouts)

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return self.inner.token_weights(rollouts)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        losses = self.inner.token_losses(rollouts, advantages)
        return torch.where(self.inside(rollouts), losses, losses.detach())

    @torch.no_grad()
    def inside(self, rollouts: Rollouts) -> Tensor:
        """Return the tokens `[G, N, T]` whose entropy ratio is inside the band."""
        entropies, old = rollouts.of_entropies()
        ratio = (entropies + self.epsilon) / (old + self.epsilon)
        return (ratio > 1 - self.low) & (ratio < 1 + self.high)

    def update_metrics(self, rollouts: Rollouts, advantages: Tensor) -> Metrics:
        outside = ~self.inside(rollouts) & rollouts.mask
        fraction = float(outside.sum() / rollouts.mask.sum().clamp(min=1))
        return {**self.inner.update_metrics(rollouts, advantages), "entropy_clip_fraction": fraction}

    def state_dict(self) -> dict[str, Any]:
        return self.inner.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.inner.load_state_dict(state)
