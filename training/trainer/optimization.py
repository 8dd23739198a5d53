"""AdamW, its schedule, and the update step shared by all kinds of runs."""

import math

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

from training.config import OptimizerConfig


class DivergedError(RuntimeError):
    """The loss or the gradient is no longer finite; the weights are those before the step."""


def make_optimizer(model: nn.Module, config: OptimizerConfig) -> torch.optim.AdamW:
    """Return AdamW over the trained parameters; only matrices have weight decay."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    groups = [
        {"params": [parameter for parameter in trained if parameter.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [parameter for parameter in trained if parameter.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        eps=config.epsilon,
    )


def learning_rate_at(step: int, steps: int, config: OptimizerConfig) -> float:
    """Return the learning rate of step `step`, from 1 to `steps`."""
    warmup = math.ceil(config.warmup_fraction * steps)
    if step <= warmup:
        return config.learning_rate * step / warmup
    progress = (step - warmup) / max(1, steps - warmup)
    match config.schedule:
        case "linear":
            factor = 1 - 0.9 * progress
        case "cosine":
            factor = 0.1 + 0.45 * (1 + math.cos(math.pi * progress))
        case _:
            factor = 1.0
    return config.learning_rate * factor


def update(
    model: nn.Module, optimizer: torch.optim.Optimizer, learning_rate: float, clip_norm: float, loss: float
) -> float:
    """Clip the gradient, take one step, and clear the gradient; returns the gradient's norm.

    Raises:
        DivergedError: loss or gradient is not finite; no step is taken.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    norm: Tensor = nn.utils.clip_grad_norm_(trained, clip_norm)
    if isinstance(norm, DTensor):
        norm = norm.full_tensor()
    if not (math.isfinite(loss) and norm.isfinite()):
        raise DivergedError(f"the loss is {loss:g} and the gradient's norm {float(norm):g}")
    for group in optimizer.param_groups:
        group["lr"] = learning_rate
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(norm)
