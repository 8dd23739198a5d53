"""Learning from preference pairs, without sampling.

    leansieve train CONFIG.toml

Starts from a model, with the algorithm `scrpo` and that model as the reference. The same command after a crash, a kill
or Ctrl-C resumes from the last checkpoint. The output is that of fine-tuning. One process only.
"""

import copy
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from training.algorithms.algorithm import Metrics, Rollouts
from training.config import TrainingConfig
from training.corpus.jsonl import read_jsonl
from training.corpus.lessons import Pair
from training.model.examples import TokenGroup, encode_example
from training.model.load import autocast, compute_twice, load_or_build
from training.model.log_probs import Scores
from training.model.shared_prompts import micro_batches, score_groups
from training.run.run import Run
from training.trainer.optimization import learning_rate_at, make_optimizer, update
from training.trainer.updates import score_by_base


def learn_preferences(config: TrainingConfig, report: Callable[[str], None] = print, command: str = "") -> Path:
    """Train to the end, from the last checkpoint if there is one; returns the folder of the finished model.

    Args:
        report: receives lines of progress.
        command: the command line, for the model's record.

    Raises:
        ValueError: the configuration and the pairs, or an earlier checkpoint, are inconsistent.
        DivergedError: the loss is no longer finite.
        CollapseError: a guard ended the run.
        KeyboardInterrupt: the run was interrupted; a checkpoint is written.
        OSError: something cannot be read or written.
    """
    if config.preferences is None:
        raise ValueError("The configuration has no [preferences] table.")
    with Run(config, report, command) as run:
        if run.processes.count > 1:
            raise ValueError("learning from preferences is for one process: start it without torchrun.")
        return _Preferring(run).to_the_end()


class _Preferring:
    def __init__(self, run: Run) -> None:
        """Read the pairs and the model, and resume an earlier run."""
        config = run.config
        assert config.preferences is not None
        self._run, self._settings = run, config.preferences
        self._model, self._tokenizer = load_or_build(config.model, (), config.run.seed)
        self._model.to(run.device).eval()  # type: ignore[arg-type]
        self._base = None if config.model.lora is not None else copy.deepcopy(self._model).requires_grad_(False)
        if config.model.gradient_checkpointing:
            compute_twice(self._model)
        self._algorithm = config.algorithm.create(1)
        self._groups = self._encoded()
        self._optimizer = make_optimizer(self._model, config.optimizer)
        run.resume(_identity(config, self._groups), self._settings.steps, self._model, self._optimizer)

    def to_the_end(self) -> Path:
        """Make the remaining steps and write the model."""
        run, steps = self._run, self._settings.steps
        with run.stepping():
            for step in range(run.step + 1, steps + 1):
                with run.interruption.deferred():
                    run.step = step
                    metrics = self._step(self._batch(step))
                    if step % run.config.run.log_every == 0 or step == steps:
                        preferred = metrics.get("preferred_fraction", 0.0)
                        run.report(f"step {step}/{steps}  loss {metrics['loss']:.4f}  preferred {preferred:.0%}")
                    run.end_step(metrics, step == steps, self._tokenizer)
        return run.finish(self._tokenizer)

    def _batch(self, step: int) -> list[TokenGroup]:
        """Return the pairs of step number `step`, from 1; each epoch is shuffled by the seed and its number."""
        size, total = self._settings.pairs_per_step, len(self._groups)
        chosen = []
        for draw in range((step - 1) * size, step * size):
            epoch, place = divmod(draw, total)
            random = torch.Generator().manual_seed(self._run.config.run.seed * 1_000_003 + epoch)
            chosen.append(self._groups[int(torch.randperm(total, generator=random)[place])])
        return chosen

    def _step(self, groups: Sequence[TokenGroup]) -> Metrics:
        """Make one update; returns its metrics."""
        run, optimizer = self._run.config, self._optimizer
        whole = self._rollouts(groups, self._scored(groups))
        advantages = self._algorithm.advantages(whole).values
        weights = self._algorithm.token_weights(whole)
        loss, seen = 0.0, []
        for cut in micro_batches(groups, self._settings.micro_tokens):
            with autocast(run.model, self._run.device):
                scores = score_groups(self._model, groups[cut], whole.mask.shape[-1])
            part = whole.select(cut)
            now = Rollouts(
                part.prompts, scores.log_probs, part.old_log_probs, part.mask, part.rewards, part.base_log_probs
            )
            part_loss = (weights[cut] * self._algorithm.token_losses(now, advantages[cut])).sum()
            part_loss.backward()  # type: ignore[no-untyped-call]
            loss += float(part_loss.detach())
            seen.append(scores.log_probs.detach())
        now = Rollouts(
            whole.prompts, torch.cat(seen), whole.old_log_probs, whole.mask, whole.rewards, whole.base_log_probs
        )
        metrics = self._algorithm.update_metrics(now, advantages)
        rate = learning_rate_at(self._run.step, self._settings.steps, run.optimizer)
        norm = update(self._model, optimizer, rate, run.optimizer.clip_norm, loss)
        return {"loss": loss, "learning_rate": rate, "gradient_norm": norm, **metrics}

    def _scored(self, groups: Sequence[TokenGroup]) -> Scores:
        with autocast(self._run.config.model, self._run.device):
            return score_by_base(self._model, self._base, groups, self._settings.micro_tokens)

    def _rollouts(self, groups: Sequence[TokenGroup], base: Scores) -> Rollouts:
        lengths = torch.tensor([[len(response) for response in group.responses] for group in groups])
        mask = (torch.arange(base.log_probs.shape[-1]) < lengths[..., None]).to(self._run.device)
        rewards = torch.tensor([[1.0, 0.0]], device=self._run.device).expand(len(groups), 2)
        names = tuple(map(str, range(len(groups))))
        return Rollouts(names, base.log_probs, base.log_probs, mask, rewards, base.log_probs)

    def _encoded(self) -> list[TokenGroup]:
        context = int(self._model.config.max_position_embeddings)
        every = list(self._read())
        fitting = [group for group in every if len(group.prompt) + max(map(len, group.responses)) <= context]
        if not fitting:
            raise ValueError(f"There is no pair to learn from: of {len(every)}, none fits into {context} tokens.")
        if len(fitting) < len(every):
            self._run.report(
                f"{len(every) - len(fitting)} of {len(every)} pairs are longer than {context} tokens: left out"
            )
        return fitting

    def _read(self) -> Iterator[TokenGroup]:
        for path in self._settings.pairs:
            for _, pair in read_jsonl(path, Pair):
                better = encode_example(self._tokenizer, pair.prompt, pair.preferred)
                worse = encode_example(self._tokenizer, pair.prompt, pair.rejected)
                yield TokenGroup(better.prompt, (better.response, worse.response))


def _identity(config: TrainingConfig, groups: Sequence[TokenGroup]) -> dict[str, Any]:
    """Return everything that affects a step, which must be equal for a run to resume."""
    digest = hashlib.sha256(repr([(group.prompt, group.responses) for group in groups]).encode())
    tables = {"model", "optimizer", "preferences", "algorithm"}
    apart = {"preferences": {"steps"}, "model": {"gradient_checkpointing"}}
    settings = config.model_dump(mode="json", include=tables, exclude=apart)
    flat = {f"{table}.{name}": json.dumps(value) for table in settings for name, value in settings[table].items()}
    return {**flat, "run.seed": config.run.seed, "the pairs": digest.hexdigest()}
