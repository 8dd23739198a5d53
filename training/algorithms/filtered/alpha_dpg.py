"""α-DPG: policy gradient towards the base model filtered by the verifier, under an α-divergence.

arXiv 2512.05962 ("Whatever Remains Must Be True"); the f-divergence gradient is arXiv 2302.08215, theorem 1.
The target of a prompt is `p = π_b·v/Z` with `Z = P_{π_b}[v = 1]`. With `t = π_θ/p` and
`f_α(t) = (t^α - αt - (1-α))/(α(α-1))`, the gradient of `D_α = E_p[f_α(t)]` is `-E_{π_θ}[R ∇log π_θ]/(1-α)` with
`R = (p/π_θ)^{1-α} - 1`. α → 0 is the forward KL(p‖π_θ), which covers mass; α → 1 the reverse KL, which seeks modes.
Strictly on-policy, no ratio, no clip, one optimiser step a batch; the factor 1/(1-α) is left out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor

from training.algorithms.algorithm import Advantages, Algorithm, Rollouts
from training.algorithms.objective import constant_length, leave_one_out, score_function, sequence_log_ratio


@dataclass
class AlphaDpg(Algorithm):
    """α-DPG with a leave-one-out baseline."""

    length: PositiveInt
    """Maximum length of a response in tokens: the constant divisor L of the loss."""
    alpha: float = 0.25
    """Position between coverage (0, KL-DPG) and precision (towards 1), in [0, 1)."""
    reward_cap: PositiveFloat = 10.0
    """M: the largest pseudo-reward R.

    It limits the variance, and biases the result for answers that are much likelier under the base.
    """
    partition: Literal["online", "running", "precomputed"] = "online"
    """Source of Z: this batch, the average over all batches with the prompt, or `partitions`."""
    partitions: Mapping[str, float] = field(default_factory=dict)
    """Share of correct answers among samples of the base, by prompt, for `partition = "precomputed"`; read from the
    files of `algorithm.base_samples`.
    """
    partition_floor: PositiveFloat = 1e-4
    """Z of a prompt without any correct answer."""

    def __post_init__(self) -> None:
        if not 0 <= self.alpha < 1:
            raise ValueError(f"alpha must lie in [0, 1), found {self.alpha}: at 1 a wrong answer would get -infinity.")
        self._seen: dict[str, tuple[int, float]] = {}

    @property
    def needs_base(self) -> bool:
        return True

    def check_prompts(self, prompts: Sequence[str]) -> None:
        missing = [prompt for prompt in prompts if prompt not in self.partitions]
        if self.partition == "precomputed" and missing:
            raise ValueError(f"partitions has no value for prompt {missing[0]!r}; sample it from the base first.")

    @torch.no_grad()
    def advantages(self, rollouts: Rollouts) -> Advantages:
        right = rollouts.rewards > 0
        # 1. Work in log space: exp underflows near -104 in float32, and a single correct answer must still get u = n.
        log_ratio = sequence_log_ratio(rollouts.of_base(), rollouts.old_log_probs, rollouts.mask)
        log_w = torch.where(right, log_ratio, -math.inf)
        sampled = log_w
        if rollouts.importance is not None:  # Z is a mean under the weights that sampled
            log_ratio = sequence_log_ratio(rollouts.of_base(), rollouts.of_sampler(), rollouts.mask)
            sampled = torch.where(right, log_ratio, -math.inf)
        log_z = self._log_partition(rollouts.prompts, sampled.logsumexp(1) - math.log(sampled.shape[1]))
        # 2. expm1 keeps digits if (1-α) log u is small, that is for α near 1.
        reward = torch.expm1((1 - self.alpha) * (log_w - log_z[:, None])).clamp(max=self.reward_cap)
        reward = torch.where(right, reward, -1.0)
        # 3. Leave one out.
        capped = (reward >= self.reward_cap) & right
        solved = right.any(1)
        effective = (2 * log_w.logsumexp(1) - (2 * log_w).logsumexp(1)).exp()[solved]
        metrics = {
            "partition": float(log_z.exp().mean()),
            "effective_sample_size": float(effective.mean()) if len(effective) else 0.0,
            "capped_fraction": float(capped.float().mean()),
        }
        return Advantages(leave_one_out(reward), metrics)

    def _log_partition(self, prompts: tuple[str, ...], log_mean_w: Tensor) -> Tensor:
        """Return log Ẑ of each prompt, at most 0, from the log of the mean of w in this batch."""
        if self.partition == "precomputed":
            self.check_prompts(prompts)
            values = [max(self.partitions[prompt], self.partition_floor) for prompt in prompts]
            return log_mean_w.new_tensor(values).log().clamp(max=0.0)
        if self.partition == "running":
            # E[w] = Z under any policy, so averages over batches of different age are unbiased.
            for index, (prompt, value) in enumerate(zip(prompts, log_mean_w.double(), strict=True)):
                count, total = self._seen.get(prompt, (0, -math.inf))
                count, total = count + 1, float(torch.logaddexp(value, value.new_tensor(total)))
                self._seen[prompt] = (count, total)
                log_mean_w[index] = total - math.log(count)
        return torch.where(log_mean_w == -math.inf, math.log(self.partition_floor), log_mean_w).clamp(max=0.0)

    def token_weights(self, rollouts: Rollouts) -> Tensor:
        return constant_length(rollouts.mask, self.length)

    def token_losses(self, rollouts: Rollouts, advantages: Tensor) -> Tensor:
        return score_function(rollouts, advantages)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": {prompt: list(value) for prompt, value in self._seen.items()}}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self._seen = {prompt: (int(count), float(total)) for prompt, (count, total) in state["seen"].items()}
