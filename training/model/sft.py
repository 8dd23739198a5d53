"""Supervised fine-tuning on verified proofs.

    leansieve train CONFIG.toml

Trains a model from scratch, or starts from any Hugging Face causal language model (all weights, or adapters), with the
loss on responses only. The same command after a crash, a kill or Ctrl-C resumes from the last checkpoint, on a CPU bit
for bit as if uninterrupted. Writes into the run's folder: checkpoints/, metrics.jsonl, tensorboard/ and model/, which
transformers and vLLM load.

Several processes started by torchrun share the rows of each step; see `training.trainer.distributed.processes`.
Examples longer than `row_length` are dropped and counted.
"""

import hashlib
import itertools
import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch

from prover.sampling.prompt import PremisesFormat, SourceFormat
from training.config import SftConfig, TrainingConfig
from training.corpus.jsonl import read_jsonl
from training.corpus.lessons import Lesson
from training.corpus.proofs import ProvedTheorem, hold_out, read_proofs
from training.model.examples import PackedRows, TokenGroup, batches_of, encode_example, grouped, lay_out, pack
from training.model.load import autocast, compute_twice, load_or_build
from training.model.log_probs import packed_log_probs
from training.run.run import Run
from training.trainer.distributed.sharding import idle_passes, is_sharded, shard
from training.trainer.optimization import learning_rate_at, make_optimizer, update


def fine_tune(config: TrainingConfig, report: Callable[[str], None] = print, command: str = "") -> Path:
    """Train to the end, from the last checkpoint if there is one; returns the folder of the finished model.

    Args:
        report: receives lines of progress.
        command: the command line, for the model's record.

    Raises:
        ValueError: the configuration and the data, or an earlier checkpoint, are inconsistent.
        DivergedError: the loss is no longer finite.
        CollapseError: a guard ended the run.
        KeyboardInterrupt: the run was interrupted; a checkpoint is written.
        OSError: something cannot be read or written.
    """
    if config.sft is None:
        raise ValueError("The configuration has no [sft] table.")
    with Run(config, report, command) as run:
        return _FineTuning(run).to_the_end()


class _FineTuning:
    def __init__(self, run: Run) -> None:
        """Read the data and the model, and resume an earlier run."""
        assert run.config.sft is not None
        self._run, self._sft = run, run.config.sft
        config, sft, form = run.config, self._sft, run.config.model.prompt_format
        proved, held_out = hold_out(_read(sft.proofs), sft.held_out)
        lessons = [lesson for path in sft.lessons for _, lesson in read_jsonl(path, Lesson)]
        pairs = [*texts(proved, sft, form), *((lesson.prompt, lesson.response) for lesson in lessons)]
        dev_pairs = texts([*held_out, *_read(sft.dev_proofs)], sft, form)
        self._model, self._tokenizer = load_or_build(config.model, itertools.chain(*pairs), config.run.seed)
        self._model.to(run.device).train()  # type: ignore[arg-type]
        if config.model.dtype == "bfloat16" and run.device.type == "cpu":
            # The backward pass of PyTorch's attention kernel takes a third of a step there.
            self._model.set_attn_implementation("eager")
        if config.model.gradient_checkpointing:
            compute_twice(self._model)
        self._groups = self._encoded(pairs)
        self._dev = self._encoded(dev_pairs)
        self._padding = int(self._tokenizer.pad_token_id)
        if config.run.sharded:
            shard(self._model, run.processes)
        self._optimizer = make_optimizer(self._model, config.optimizer)
        run.resume(_identity(config, self._groups), sft.steps, self._model, self._optimizer)

    def to_the_end(self) -> Path:
        """Make the remaining steps and write the model."""
        run, sft = self._run, self._sft
        batches = batches_of(self._groups, sft.row_length, sft.rows, self._padding, run.config.run.seed)
        done, started = run.step, time.monotonic()
        with run.stepping():
            for rows in itertools.islice(batches, done, sft.steps):
                if run.best.exhausted:
                    run.report(
                        f"step {run.step}: no smaller loss on dev for {sft.dev_patience} evaluations: that is enough"
                    )
                    break
                with run.interruption.deferred():
                    run.step += 1
                    last = run.step == sft.steps
                    metrics = self._step(rows)
                    dev = run.step % sft.dev_every == 0 or last
                    run.best.note(run.step, self._mean_loss(self._dev) if dev and self._dev else None)
                    if run.best.measured is not None:
                        metrics["dev_loss"] = run.best.measured
                    if run.processes.first and (run.step % run.config.run.log_every == 0 or last):
                        self._tell(metrics, (time.monotonic() - started) / (run.step - done))
                    run.end_step(metrics, last, self._tokenizer)
        return run.finish(self._tokenizer)

    def _step(self, rows: PackedRows) -> dict[str, float]:
        """Make one update; returns its metrics."""
        run, model = self._run, self._model
        learning_rate = learning_rate_at(run.step, self._sft.steps, run.config.optimizer)
        tokens = int(rows.learnt.sum())
        loss = 0.0
        parts = rows.split(self._sft.micro_rows)
        own_parts = parts[run.processes.rank :: run.processes.count]
        idle = idle_passes(model, len(own_parts))
        for part in own_parts:
            part_loss = -self._log_probs(part).sum() / tokens
            part_loss.backward()  # type: ignore[no-untyped-call]
            loss += float(part_loss.detach())
        for _ in range(idle):
            (0 * self._log_probs(parts[0]).sum()).backward()  # type: ignore[no-untyped-call]
        loss = sum(run.processes.gather(loss))
        if not is_sharded(model):
            run.processes.sum_gradients(run.trained.values())
        norm = update(model, self._optimizer, learning_rate, run.config.optimizer.clip_norm, loss)
        return {"loss": loss, "learning_rate": learning_rate, "gradient_norm": norm, "tokens": float(tokens)}

    def _log_probs(self, rows: PackedRows) -> torch.Tensor:
        with autocast(self._run.config.model, self._run.device):
            return packed_log_probs(self._model, rows.to(self._run.device))

    @torch.no_grad()
    def _mean_loss(self, groups: Sequence[TokenGroup]) -> float:
        """Return the cross-entropy per response token, in nats."""
        self._model.eval()  # type: ignore[no-untyped-call]
        total, tokens = 0.0, 0
        rows = pack(groups, self._sft.row_length)
        for start in range(0, len(rows), self._sft.micro_rows):
            part = lay_out(rows[start : start + self._sft.micro_rows], self._sft.row_length, self._padding)
            total -= float(self._log_probs(part).sum())
            tokens += int(part.learnt.sum())
        self._model.train()
        return total / tokens

    def _encoded(self, texts: Sequence[tuple[str, str]]) -> list[TokenGroup]:
        longest = self._sft.row_length
        examples = [encode_example(self._tokenizer, prompt, response) for prompt, response in texts]
        fitting = [example for example in examples if example.length <= longest]
        if texts and not fitting:
            raise ValueError(f"No example is as short as row_length ({longest} tokens).")
        if len(fitting) < len(examples):
            self._run.report(
                f"{len(examples) - len(fitting)} of {len(examples)} examples are longer than a row: left out"
            )
        return grouped(fitting, longest)

    def _tell(self, metrics: Mapping[str, float], seconds_a_step: float) -> None:
        step, steps = self._run.step, self._sft.steps
        left = timedelta(seconds=round(seconds_a_step * (steps - step)))
        dev = f"  dev loss {metrics['dev_loss']:.4f}" if "dev_loss" in metrics else ""
        self._run.report(f"step {step}/{steps}  loss {metrics['loss']:.4f}{dev}  {left} left")


def _read(paths: Sequence[Path]) -> list[ProvedTheorem]:
    return [proved for path in paths for proved in read_proofs(path)]


def texts(theorems: Sequence[ProvedTheorem], sft: SftConfig, name: str) -> list[tuple[str, str]]:
    """Return prompts and responses in the prompt format called `name`."""
    form = PremisesFormat() if name == PremisesFormat.name else SourceFormat()
    return [
        (form.render(proved.theorem.theorem), form.answer(proof))
        for proved in theorems
        for proof in proved.proofs[: sft.proofs_per_theorem]
    ]


# A resumed run may have more steps, or other measurements.
_NOT_OF_A_STEP = {
    "sft": {"steps", "dev_every", "dev_patience", "dev_proofs"},
    "model": {"gradient_checkpointing"},
}


def _identity(config: TrainingConfig, groups: Sequence[TokenGroup]) -> dict[str, Any]:
    """Return everything that affects a step, which must be equal for a run to resume."""
    digest = hashlib.sha256()
    for group in groups:
        digest.update(repr((group.prompt, group.responses)).encode())
    settings = config.model_dump(mode="json", include={"model", "optimizer", "sft"}, exclude=_NOT_OF_A_STEP)
    flat = {f"{table}.{name}": json.dumps(value) for table in settings for name, value in settings[table].items()}
    return {**flat, "run.seed": config.run.seed, "the data": digest.hexdigest()}
