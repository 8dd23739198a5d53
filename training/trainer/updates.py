"""From a batch of rollouts with verdicts to new weights: advantages, then one optimiser step for each mini-batch."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from statistics import fmean

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from training.algorithms.algorithm import Algorithm, Metrics, Rollouts
from training.algorithms.metrics import rollout_metrics
from training.config import RolloutConfig
from training.model.log_probs import Scores
from training.model.shared_prompts import TokenGroup, micro_batches, score_groups
from training.rollouts.groups import joined
from training.trainer.distributed.processes import Rank
from training.trainer.distributed.sharding import idle_passes, is_sharded
from training.trainer.optimization import DivergedError, update
from training.trainer.watch import Watch

_IDLE = (TokenGroup((0,), ((0,),)),)
"""What a process without micro-batches reads while others still have some."""


@torch.no_grad()
def score(model: PreTrainedModel, groups: Sequence[TokenGroup], micro_tokens: int) -> Scores:
    """What a model says of all responses, without gradient; `[G, N, T]` with T the longest of them."""
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
    """As `score`, and the passes themselves, from which gradients can still be had; they hold the activations of all groups."""
    longest = max((len(response) for group in groups for response in group.responses), default=1)
    passes = [score_groups(model, groups[cut], longest) for cut in micro_batches(groups, micro_tokens)]
    log_probs, entropies = [part.log_probs.detach() for part in passes], [part.entropies for part in passes]
    return Scores(torch.cat(log_probs), torch.cat(entropies)), passes


def score_by_base(
    model: PreTrainedModel, base: PreTrainedModel | None, groups: Sequence[TokenGroup], micro_tokens: int
) -> Scores:
    """The same under the frozen base: a model of its own, or `model` without its adapters."""
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
    """Take the optimiser steps of one batch. `groups` and `rollouts` are this process's share of it.

    Args:
        watch: gets laps forward, backward and optimizer.
        kept: the passes over these very groups that `score_and_keep` gave, if there is one update; else they are made here.

    Raises:
        DivergedError: loss or gradient are not finite, or a ratio exploded; the last step was not taken.
    """
    # 1. Advantages look at the whole batch: all processes know all of it, and each computes the same.
    shares = processes.gather(rollouts)
    whole = joined(shares)
    if not whole.prompts:
        return {}
    advantages = algorithm.advantages(whole)
    metrics = rollout_metrics(whole, advantages.values) | advantages.metrics
    first = sum(len(share.prompts) for share in shares[: processes.rank])  # of this process's groups in the whole

    trained: list[nn.Parameter] = [parameter for parameter in model.parameters() if parameter.requires_grad]
    of_updates: list[Metrics] = []
    for number in range(settings.updates_per_batch):
        # 2. A mini-batch is a part of every process's share; what tokens weigh depends on all of it.
        bounds = [_part(len(share.prompts), number, settings.updates_per_batch) for share in shares]
        starts = [sum(len(share.prompts) for share in shares[:rank]) for rank in range(len(shares))]
        batch = [start + index for start, part in zip(starts, bounds, strict=True) for index in part]
        if not batch:
            continue
        of_tokens = algorithm.token_weights(whole.select(batch))
        if whole.importance is not None:
            of_tokens = of_tokens * whole.importance[batch][..., None]
        weights = dict(zip(batch, of_tokens, strict=True))
        mine = bounds[processes.rank]

        # 3. Gradients add up over micro-batches and processes.
        loss = 0.0
        seen: list[Scores] = []
        cuts = list(micro_batches(groups[mine.start : mine.stop], settings.micro_tokens))
        idle = idle_passes(model, len(cuts))
        for place, cut in enumerate(cuts):
            chosen = [first + index for index in mine[cut]]
            if kept:
                scores = kept[place]
            else:
                scores = score_groups(model, [groups[index] for index in mine[cut]], whole.mask.shape[-1])
            now = replace(whole.select(chosen), log_probs=scores.log_probs, entropies=scores.entropies)
            losses = algorithm.token_losses(now, advantages.values[chosen])
            part_loss = (torch.stack([weights[index] for index in chosen]) * losses).sum()
            loss += float(part_loss.detach())
            watch.lap("forward")
            part_loss.backward()  # type: ignore[no-untyped-call]
            watch.lap("backward")
            seen.append(Scores(scores.log_probs.detach(), scores.entropies))
        for _ in range(idle):
            (0 * score_groups(model, _IDLE, 1).log_probs.sum()).backward()  # type: ignore[no-untyped-call]
        loss = sum(processes.gather(loss))
        if not is_sharded(model):
            processes.sum_gradients(trained)
        watch.lap("backward")

        # 4. One step.
        before = whole.select([first + index for index in mine])
        of_update: Metrics = {}
        if seen:
            log_probs, entropies = [part.log_probs for part in seen], [part.entropies for part in seen]
            now = replace(before, log_probs=torch.cat(log_probs), entropies=torch.cat(entropies))
            of_update = algorithm.update_metrics(now, advantages.values[[first + index for index in mine]])
            if not algorithm.samples_base:
                _ratio_within(now.mask, now.log_probs - now.old_log_probs, settings.max_ratio)
        of_update["loss"] = loss
        of_update["gradient_norm"] = update(model, optimizer, learning_rate, clip_norm, loss)
        of_updates.append(of_update)
        watch.lap("optimizer")

    # The last update has no pass after it that would show what it did.
    if of_updates and not algorithm.samples_base:
        cut = next(micro_batches(groups, settings.micro_tokens), slice(0, 0))
        after = score(model, groups[cut] or _IDLE, settings.micro_tokens)
        if groups:
            longest = after.log_probs.shape[-1]
            looked_at = whole.select(list(range(first + cut.start, first + cut.stop)))
            metrics["update_ratio_max"] = _ratio_within(
                looked_at.mask[..., :longest],
                after.log_probs - looked_at.old_log_probs[..., :longest],
                settings.max_ratio,
            )
        watch.lap("check")

    for name in {name: None for of_update in of_updates for name in of_update}:
        values = [of_update[name] for of_update in of_updates if name in of_update]
        metrics[name] = max(values) if name.endswith("_max") else fmean(values)
    return metrics | {"learning_rate": learning_rate}


def _part(size: int, number: int, parts: int) -> range:
    """Part `number` of `size` things in order, cut as evenly as can be."""
    return range(size * number // parts, size * (number + 1) // parts)


def _ratio_within(mask: Tensor, log_ratio: Tensor, most: float) -> float:
    """How many times likelier a token became within the batch, at most.

    Raises:
        DivergedError: it is more than `most`, or no number.
    """
    largest = torch.where(mask, log_ratio, 0.0).max()
    if not largest.isfinite() or float(largest.exp()) > most:
        raise DivergedError(
            f"a token is {float(largest.exp()):.3g} times as likely as when it was sampled (rollouts.max_ratio {most:g})"
        )
    return float(largest.exp())
