"""Updates weights from a batch of rollouts with verdicts: advantages, then one optimiser step per mini-batch."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from torch import Tensor
from transformers import PreTrainedModel

from training.algorithms.algorithm import Algorithm, Metrics, Rollouts
from training.algorithms.metrics import rollout_metrics
from training.config import RolloutConfig
from training.model.examples import TokenGroup
from training.model.log_probs import Scores
from training.model.shared_prompts import micro_batches, score_groups
from training.rollouts.groups import joined
from training.trainer.distributed.processes import Rank
from training.trainer.distributed.sharding import idle_passes, is_sharded
from training.trainer.optimization import DivergedError, update
from training.trainer.watch import Watch

_IDLE = (TokenGroup((0,), ((0,),)),)
"""Input for a process without micro-batches while others still have some."""


@torch.no_grad()
def score(model: PreTrainedModel, groups: Sequence[TokenGroup], micro_tokens: int) -> Scores:
    """Score all responses with a model, without gradient; `[G, N, T]` with T the maximum length."""
    longest = max((len(response) for group in groups for response in group.responses), default=1)
    cuts = list(micro_batches(groups, micro_tokens))
    idle = idle_passes(model, len(cuts))
    parts = [score_groups(model, groups[cut], longest) for cut in cuts]
    for _ in range(idle):
        score_groups(model, _IDLE, 1)
    return Scores(torch.cat([part.log_probs for part in parts]), torch.cat([part.entropies for part in parts]))


def score_and_keep(
    model: PreTrainedModel, groups: Sequence[TokenGroup], micro_tokens: int
) -> tuple[Scores, list[Scores]]:
    """Score as `score` does, and return the passes for later gradients; they hold the activations of all groups."""
    longest = max((len(response) for group in groups for response in group.responses), default=1)
    passes = [score_groups(model, groups[cut], longest) for cut in micro_batches(groups, micro_tokens)]
    log_probs, entropies = [part.log_probs.detach() for part in passes], [part.entropies for part in passes]
    return Scores(torch.cat(log_probs), torch.cat(entropies)), passes


def score_by_base(
    model: PreTrainedModel, base: PreTrainedModel | None, groups: Sequence[TokenGroup], micro_tokens: int
) -> Scores:
    """Score with the frozen base: a separate model, or `model` without its adapters."""
    with contextlib.nullcontext() if base is not None else model.disable_adapter():  # type: ignore[operator]
        return score(base or model, groups, micro_tokens)


def train_on(
    model: PreTrainedModel,
    optimizer: torch.optim.Optimizer,
    algorithm: Algorithm,
    groups: Sequence[TokenGroup],
    rollouts: Rollouts,
    settings: RolloutConfig,
    learning_rate: float,
    clip_norm: float,
    processes: Rank,
    watch: Watch,
    kept: Sequence[Scores] = (),
) -> Metrics:
    """Take the optimiser steps of one batch. `groups` and `rollouts` are this process's share.

    Args:
        watch: records the laps forward, backward and optimizer.
        kept: passes over exactly these groups from `score_and_keep`, if there is one update; otherwise they are made
            here.

    Raises:
        DivergedError: loss or gradient is not finite, or a ratio exploded; the last step was not taken.
    """
    # 1. Compute advantages from the whole batch, which all processes have, in each process.
    shares = processes.gather(rollouts)
    whole = joined(shares)
    if not whole.prompts:
        return {}
    advantages = algorithm.advantages(whole)
    metrics = rollout_metrics(whole, advantages.values) | advantages.metrics
    sizes = [len(share.prompts) for share in shares]
    batch = _Batch(model, algorithm, groups, whole, sizes, advantages.values, settings, processes, watch)

    of_updates: list[Metrics] = []
    for number in range(settings.updates_per_batch):
        mini_batch = batch.part(number)
        if not any(mini_batch):
            continue
        loss, seen = batch.add_gradients(mini_batch, kept)
        of_update = batch.update_metrics(mini_batch[processes.rank], seen)
        of_update["loss"] = loss
        of_update["gradient_norm"] = update(model, optimizer, learning_rate, clip_norm, loss)
        of_updates.append(of_update)
        watch.lap("optimizer")

    # No pass after the last update would show its effect.
    if of_updates and not algorithm.samples_base:
        metrics |= batch.change()
        watch.lap("check")

    for name in {name: None for of_update in of_updates for name in of_update}:
        values = [of_update[name] for of_update in of_updates if name in of_update]
        metrics[name] = max(values) if name.endswith("_max") else fmean(values)
    return metrics | {"learning_rate": learning_rate}


@dataclass(frozen=True, slots=True)
class _Batch:
    """A batch during its optimiser steps.

    Attributes:
        groups: this process's share.
        whole: the groups of all processes.
        sizes: number of prompts in the share of each process.
        advantages: advantages of the whole batch.
    """

    model: PreTrainedModel
    algorithm: Algorithm
    groups: Sequence[TokenGroup]
    whole: Rollouts
    sizes: Sequence[int]
    advantages: Tensor
    settings: RolloutConfig
    processes: Rank
    watch: Watch

    def part(self, number: int) -> list[range]:
        """2. Choose a mini-batch, a part of every process's share: return its group numbers by process."""
        return [_part(size, number, self.settings.updates_per_batch) for size in self.sizes]

    def add_gradients(self, mini_batch: Sequence[range], kept: Sequence[Scores]) -> tuple[float, list[Scores]]:
        """3. Sum gradients over micro-batches and processes; return the total loss and this process's scores.

        Args:
            kept: as in `train_on`.
        """
        weights = self._weights(mini_batch)
        own = mini_batch[self.processes.rank]
        loss = 0.0
        seen: list[Scores] = []
        cuts = list(micro_batches(self.groups[own.start : own.stop], self.settings.micro_tokens))
        idle = idle_passes(self.model, len(cuts))
        for place, cut in enumerate(cuts):
            chosen = self._in_whole(own[cut])
            if kept:
                scores = kept[place]
            else:
                scores = score_groups(self.model, [self.groups[index] for index in own[cut]], self.whole.mask.shape[-1])
            now = replace(self.whole.select(chosen), log_probs=scores.log_probs, entropies=scores.entropies)
            losses = self.algorithm.token_losses(now, self.advantages[chosen])
            part_loss = (torch.stack([weights[index] for index in chosen]) * losses).sum()
            loss += float(part_loss.detach())
            self.watch.lap("forward")
            part_loss.backward()  # type: ignore[no-untyped-call]
            self.watch.lap("backward")
            seen.append(Scores(scores.log_probs.detach(), scores.entropies))
        for _ in range(idle):
            (0 * score_groups(self.model, _IDLE, 1).log_probs.sum()).backward()  # type: ignore[no-untyped-call]
        loss = sum(self.processes.gather(loss))
        if not is_sharded(self.model):
            self.processes.sum_gradients([one for one in self.model.parameters() if one.requires_grad])
        self.watch.lap("backward")
        return loss, seen

    def update_metrics(self, mine: range, seen: Sequence[Scores]) -> Metrics:
        """4. Return the metrics of a step; empty if this process had no part in it.

        Raises:
            DivergedError: a ratio exploded.
        """
        if not seen:
            return {}
        chosen = self._in_whole(mine)
        log_probs, entropies = [part.log_probs for part in seen], [part.entropies for part in seen]
        now = replace(self.whole.select(chosen), log_probs=torch.cat(log_probs), entropies=torch.cat(entropies))
        metrics = self.algorithm.update_metrics(now, self.advantages[chosen])
        if not self.algorithm.samples_base:
            _ratio_within(now.mask, now.log_probs - now.old_log_probs, self.settings.max_ratio)
        return metrics

    def change(self) -> Metrics:
        """Return how far the updates have moved the model, on a first part of the batch.

        Raises:
            DivergedError: too far.
        """
        cut = next(micro_batches(self.groups, self.settings.micro_tokens), slice(0, 0))
        after = score(self.model, self.groups[cut] or _IDLE, self.settings.micro_tokens)
        if not self.groups:
            return {}
        longest = after.log_probs.shape[-1]
        looked_at = self.whole.select(self._in_whole(range(cut.start, cut.stop)))
        log_ratio = after.log_probs - looked_at.old_log_probs[..., :longest]
        return {"update_ratio_max": _ratio_within(looked_at.mask[..., :longest], log_ratio, self.settings.max_ratio)}

    def _weights(self, mini_batch: Sequence[range]) -> dict[int, Tensor]:
        """Return the token weights, which depend on the whole mini-batch, by group number in the whole batch."""
        starts = [sum(self.sizes[:rank]) for rank in range(len(self.sizes))]
        batch = [start + index for start, part in zip(starts, mini_batch, strict=True) for index in part]
        of_tokens = self.algorithm.token_weights(self.whole.select(batch))
        if self.whole.importance is not None:
            of_tokens = of_tokens * self.whole.importance[batch][..., None]
        return dict(zip(batch, of_tokens, strict=True))

    def _in_whole(self, mine: Iterable[int]) -> list[int]:
        """Map numbers of this process's groups to numbers in the whole batch."""
        first = sum(self.sizes[: self.processes.rank])
        return [first + index for index in mine]


def _part(size: int, number: int, parts: int) -> range:
    """Return part `number` of `size` things in order, cut as evenly as possible."""
    return range(size * number // parts, size * (number + 1) // parts)


def _ratio_within(mask: Tensor, log_ratio: Tensor, most: float) -> float:
    """Return the maximum factor by which a token became likelier within the batch.

    Raises:
        DivergedError: it is more than `most`, or not a number.
    """
    largest = torch.where(mask, log_ratio, 0.0).max()
    if not largest.isfinite() or float(largest.exp()) > most:
        raise DivergedError(
            f"a token is {float(largest.exp()):.3g} times as likely as when it was sampled (rollouts.max_ratio {most:g})"
        )
    return float(largest.exp())
