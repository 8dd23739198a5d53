"""A batch of rollouts: sampled, checked while sampling continues, and laid out for an algorithm."""

import math
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor
from torch.nn.functional import pad

from prover.sampling.prompt import PromptFormat
from prover.verdict import Verdict, VerdictKind
from training.algorithms.algorithm import Rollouts
from training.model.examples import TokenGroup
from training.model.log_probs import Scores
from training.rollouts.prompts import Prompt, seed_of
from training.rollouts.requests import Response, RolloutRequest, RolloutSampler
from training.rollouts.verdicts import CacheCounts
from training.rollouts.verifier import Verifier


@dataclass
class Rollout:
    """An answer and its check, which may be pending; None if it is wrong without a check."""

    response: Response
    check: "Future[Verdict] | None"

    @property
    def verdict(self) -> Verdict | None:
        """Wait for the verdict and return it. Raises errors of the check."""
        return None if self.check is None else self.check.result()

    @property
    def reward(self) -> float:
        """1 if the kernel accepted it, else 0."""
        verdict = self.verdict
        return float(verdict is not None and verdict.verified)


@dataclass
class Group:
    """The rollouts of one prompt, and the greedy one if requested."""

    prompt: Prompt
    rollouts: list[Rollout] = field(default_factory=list)
    greedy: Rollout | None = None

    @property
    def tokens(self) -> TokenGroup:
        """Return the tokens in the model's format."""
        return TokenGroup(self.prompt.tokens, tuple(rollout.response.tokens for rollout in self.rollouts))


def sample_groups(
    engine: RolloutSampler,
    verifier: Verifier,
    form: PromptFormat,
    prompts: Sequence[tuple[int, Prompt]],
    rollouts: int,
    max_tokens: int,
    seed: int,
    greedy: bool = False,
    stopped: threading.Event | None = None,
) -> list[Group]:
    """Sample `rollouts` answers to each prompt, on-policy: temperature 1, no truncation. Checks go on after it returns.

    Args:
        prompts: prompts with the number of each draw, which with `seed` determines the seeds of its samples.
        greedy: whether to take the likeliest answer, too.
        stopped: stops sampling when it is set, with `SamplingStoppedError`.

    A truncated answer, or one without a proof, is wrong without a check.
    """
    requests, owners = [], []
    for number, (draw, prompt) in enumerate(prompts):
        for index in range(rollouts + greedy):
            temperature = 0.0 if index == rollouts else 1.0
            requests.append(RolloutRequest(prompt.tokens, seed_of(seed, draw, index), max_tokens, temperature))
            owners.append(number)
    found: dict[int, Rollout] = {}

    def done(number: int, response: Response) -> None:
        proof = form.extract(response.text) if response.finished else ""
        record = prompts[owners[number]][1].record
        found[number] = Rollout(response, verifier.check(record, proof) if proof else None)

    engine.sample(requests, done, stopped)
    groups = [Group(prompt) for _, prompt in prompts]
    for number, owner in enumerate(owners):
        if requests[number].temperature == 0:
            groups[owner].greedy = found[number]
        else:
            groups[owner].rollouts.append(found[number])
    return groups


def lay_out(
    groups: Sequence[Group], old: Scores, base: Scores, device: torch.device, max_importance: float | None = None
) -> Rollouts:
    """Return the batch in the form for algorithms; waits for all verdicts.

    Args:
        old: scores of the responses by the policy before its update.
        base: scores by the frozen base model.
        max_importance: maximum importance weight, if older weights sampled; None if the policy itself sampled.
    """
    rewards = torch.tensor([[rollout.reward for rollout in group.rollouts] for group in groups])
    greedy = [group.greedy.reward for group in groups if group.greedy is not None]
    lengths = torch.tensor([[len(rollout.response.tokens) for rollout in group.rollouts] for group in groups])
    longest = old.log_probs.shape[-1]
    mask = torch.arange(longest) < lengths[..., None]
    sampler = torch.zeros(mask.shape)
    sampler[mask] = torch.tensor(
        [value for group in groups for rollout in group.rollouts for value in rollout.response.log_probs]
    )
    return Rollouts(
        prompts=tuple(group.prompt.record.name for group in groups),
        log_probs=old.log_probs,
        old_log_probs=old.log_probs,
        mask=mask.to(device),
        rewards=rewards.to(device),
        base_log_probs=base.log_probs,
        old_entropies=old.entropies,
        sampler_log_probs=sampler.to(device),
        importance=None
        if max_importance is None
        else importance_of(old.log_probs, sampler, mask, max_importance).to(device),
        greedy_rewards=torch.tensor(greedy, device=device) if greedy else None,
    )


def importance_of(policy: Tensor, sampler: Tensor, mask: Tensor, most: float) -> Tensor:
    """Return the ratio of each answer's probability under the policy and under the sampling weights, at most `most`:
    `[G, N]` from `[G, N, T]`.
    """
    log_ratio = torch.where(mask, policy.cpu() - sampler, 0.0).sum(-1)
    return log_ratio.clamp(max=math.log(most)).exp()


def joined(batches: Sequence[Rollouts]) -> Rollouts:
    """Concatenate several batches, padded to the longest response."""
    if len(batches) == 1:
        return batches[0]
    longest = max(batch.mask.shape[-1] for batch in batches)
    columns: dict[str, Tensor | None] = {}
    for name in (column.name for column in fields(Rollouts) if column.name != "prompts"):
        parts = [value for batch in batches if (value := getattr(batch, name)) is not None]
        padded = [pad(part, (0, longest - part.shape[-1])) if part.ndim == 3 else part for part in parts]
        columns[name] = torch.cat(padded) if padded else None
    return Rollouts(prompts=tuple(prompt for batch in batches for prompt in batch.prompts), **columns)  # type: ignore[arg-type]


def check_metrics(groups: Sequence[Group], counts: CacheCounts) -> dict[str, float]:
    """Count rollouts that are distinct, truncated, verified, and without a verdict for lack of time, and checks since
    the start.
    """
    rollouts = [rollout for group in groups for rollout in group.rollouts]
    verdicts = [rollout.verdict for rollout in rollouts]
    return {
        "rollouts": float(len(rollouts)),
        "distinct_rollouts": float(sum(len({r.response.tokens for r in group.rollouts}) for group in groups)),
        "cut_off": float(sum(not rollout.response.finished for rollout in rollouts)),
        "verified": float(sum(verdict is not None and verdict.verified for verdict in verdicts)),
        "checks_so_far": float(counts.asked),
        "timeouts": float(sum(verdict is not None and verdict.kind is VerdictKind.TIMEOUT for verdict in verdicts)),
    }
