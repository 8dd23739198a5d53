"""Interface of training algorithms: groups of rollouts in, advantages and a loss out.

One rollout batch and one optimiser step of it read

    advantages = algorithm.advantages(rollouts)                             # once per rollout batch, no gradient
    weights = algorithm.token_weights(rollouts)                             # once per optimiser step, no gradient
    loss = (weights * algorithm.token_losses(rollouts, advantages)).sum()   # with gradient

The loss is a plain sum over tokens, so a step may be cut into micro-batches whose gradients add up to the same
gradient: slice the rollouts, the advantages and the weights alike.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from pydantic import ConfigDict
from torch import Tensor

Metrics = dict[str, float]


@dataclass(frozen=True)
class Rollouts:
    """`G` groups (one prompt each) of `N` rollouts of at most `T` response tokens.

    Log-probabilities are natural, at temperature 1, of the token that was sampled, and should be float32.

    Attributes:
        prompts: `G` strings that identify the prompts.
        log_probs: `[G, N, T]`, under the policy being trained; the only tensor with a gradient.
        old_log_probs: `[G, N, T]`, under the policy that sampled, computed by the trainer.
        mask: `[G, N, T]` bool, true on response tokens.
        rewards: `[G, N]`, 1 where the verifier accepted, else 0.
        base_log_probs: `[G, N, T]`, under the frozen base (reference) model.
        entropies: `[G, N, T]`, of the full next-token distribution of the policy being trained, nats, detached.
        old_entropies: `[G, N, T]`, the same under the policy that sampled.
        sampler_log_probs: `[G, N, T]`, as the inference engine reported them.
        greedy_rewards: `[G]`, the verdict on the greedy rollout of each prompt.
        importance: `[G, N]`, bounded importance weights, the ratio of a rollout's probabilities under the policy and
            under the older weights that sampled it. None if the policy itself sampled.
    """

    prompts: tuple[str, ...]
    log_probs: Tensor
    old_log_probs: Tensor
    mask: Tensor
    rewards: Tensor
    base_log_probs: Tensor | None = None
    entropies: Tensor | None = None
    old_entropies: Tensor | None = None
    sampler_log_probs: Tensor | None = None
    greedy_rewards: Tensor | None = None
    importance: Tensor | None = None

    def __post_init__(self) -> None:
        tokens, groups = tuple(self.mask.shape), len(self.prompts)
        if len(tokens) != 3 or tokens[0] != groups:
            raise ValueError(f"mask has shape {tokens}, expected [groups, rollouts, tokens] with {groups} groups.")
        if not self.rewards.is_floating_point():
            raise ValueError(f"rewards are {self.rewards.dtype}, expected floating point.")
        expected = {"rewards": tokens[:2], "greedy_rewards": tokens[:1], "importance": tokens[:2]}
        for field in fields(self):
            tensor = getattr(self, field.name)
            if isinstance(tensor, Tensor) and tuple(tensor.shape) != expected.get(field.name, tokens):
                raise ValueError(
                    f"{field.name} has shape {tuple(tensor.shape)}, expected {expected.get(field.name, tokens)}."
                )

    def select(self, groups: slice | list[int]) -> "Rollouts":
        """Return the rollouts of some of the groups."""
        chosen = list(range(len(self.prompts)))[groups] if isinstance(groups, slice) else groups
        cut = {
            field.name: value[chosen]
            for field in fields(self)
            if isinstance(value := getattr(self, field.name), Tensor)
        }
        return replace(self, prompts=tuple(self.prompts[index] for index in chosen), **cut)

    def of_base(self) -> Tensor:
        """Return `base_log_probs`, for an algorithm that requires them."""
        return _present(self.base_log_probs, "base_log_probs")

    def of_sampler(self) -> Tensor:
        """Return `sampler_log_probs`, for an algorithm that requires them."""
        return _present(self.sampler_log_probs, "sampler_log_probs")

    def of_greedy(self) -> Tensor:
        """Return `greedy_rewards`, for an algorithm that requires them."""
        return _present(self.greedy_rewards, "greedy_rewards")

    def of_entropies(self) -> tuple[Tensor, Tensor]:
        """Return `entropies` and `old_entropies`, for an algorithm that requires them."""
        return _present(self.entropies, "entropies"), _present(self.old_entropies, "old_entropies")


def _present(tensor: Tensor | None, name: str) -> Tensor:
    if tensor is None:
        raise ValueError(f"This algorithm needs {name}, and the rollouts carry none.")
    return tensor


@dataclass(frozen=True)
class Advantages:
    """Advantages `[G, N]`, without gradient, and metrics on them."""

    values: Tensor
    metrics: Metrics


@runtime_checkable
class Algorithm(Protocol):
    """Turns verdicts on groups of rollouts into a gradient. Subclasses inherit the defaults.

    Attributes:
        samples_base: whether rollouts come from the frozen base model instead of the policy.
    """

    samples_base: ClassVar[bool] = False
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    @property
    def needs_base(self) -> bool:
        """Whether `base_log_probs` is used."""
        return False

    @property
    def needs_greedy(self) -> bool:
        """Whether `greedy_rewards` is used."""
        return False

    @property
    def replaces_groups(self) -> bool:
        """Whether `keep_groups` may leave out groups, which are then replaced by new samples."""
        return False

    def check_prompts(self, prompts: Sequence[str]) -> None:
        """Check that the algorithm can train on all prompts of a run.

        Raises:
            ValueError: it cannot; the text names a prompt and the reason.
        """
        return None

    def keep_groups(self, rewards: Tensor) -> Tensor:
        """Return the groups to train on, `[G]` bool from rewards `[G, N]`: all of them, unless `replaces_groups`."""
        return torch.ones(len(rewards), dtype=torch.bool, device=rewards.device)

    def advantages(self, rollouts: Rollouts) -> Advantages:
        """Return the advantages of a whole rollout batch; the policy's `log_probs` are not used."""
        ...

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        """Return the weights `[G, N, T]` of the tokens' losses in one optimiser step; 0 outside the mask."""
        ...

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        """Return the loss `[G, N, T]` of each token, with gradient; 0 outside the mask."""
        ...

    def loss(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        """Return the scalar loss of one optimiser step."""
        return (self.token_weights(rollouts) * self.token_losses(rollouts, advantages)).sum()

    def update_metrics(self, rollouts: Rollouts, advantages: Tensor) -> Metrics:
        """Return metrics of one optimiser step in addition to `rollout_metrics`."""
        return {}

    def state_dict(self) -> dict[str, Any]:
        """Return the state of a run, JSON-serialisable."""
        return {}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict`."""
        return None
