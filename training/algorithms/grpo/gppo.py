"""GPPO: clipping that keeps the gradient. arXiv 2508.07629 (Klear-Reasoner), the GPPO loss.

A clipped token keeps the clipped value, and pushes as hard as a token at the edge of the clip would: the bounds are
`(1 ∓ ε)·r/sg[r]`, equal to `1 ∓ ε` in value but with the gradient of r. No dual clip, which would stop gradients again.
"""

import math
from dataclasses import dataclass

import torch
from pydantic import PositiveFloat
from torch import Tensor

from training.algorithms.grpo.dapo import Dapo


@dataclass
class Gppo(Dapo):
    """DAPO's groups, advantages and token mean; `min(r A, clip(r, (1-ε)·r/sg[r], (1+ε)·r/sg[r]) A)`."""

    clip_high: PositiveFloat = 0.2
    """Maximum increase of the ratio's value above 1."""
    dual_clip: PositiveFloat = math.inf
    """Off."""

    def clip_ratio(self, ratio: Tensor) -> Tensor:
        one = ratio / ratio.detach()
        return torch.clamp(ratio, (1 - self.clip_low) * one, (1 + self.clip_high) * one)
