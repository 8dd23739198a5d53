"""Reinforcement learning on verdicts: trains a base model to prove, with any of the algorithms in
`training.algorithms`.

    leansieve train CONFIG.toml

Each step samples answers to some theorems with vLLM while Lean checks them, and turns the verdicts into a gradient;
then the engine gets the new weights. With `rollouts.max_staleness` above 0 the next batch is sampled and checked while
this one is learned from. The same command after a crash, a kill or Ctrl-C resumes from the last checkpoint, with
`max_staleness` 0 on a CPU bit for bit as if uninterrupted. Writes into the run's folder: checkpoints/, metrics.jsonl,
tensorboard/, verdicts.jsonl unless the configuration names a file, and model/, which transformers and vLLM load.

Dropout is off throughout, so that the first update applies to exactly the policy that sampled. A model cannot be
sharded over several engines: with `run.sharded` it must still fit into each process's engine.
"""

import contextlib
import copy
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prover.lean.workers.lean_pool import LeanPool
from prover.verdict import Limits
from training.algorithms.algorithm import Metrics, Rollouts
from training.config import TrainingConfig
from training.model.examples import TokenGroup
from training.model.load import autocast, compute_twice, load_or_build
from training.model.log_probs import Scores
from training.model.prompts import prompt_format
from training.rollouts.agreement import check_agreement
from training.rollouts.collector import Batch, Collector, Cursor
from training.rollouts.dev import DevSet
from training.rollouts.groups import Group, check_metrics, joined, lay_out
from training.rollouts.hosts.engine import SamplingPlace
from training.rollouts.prefetch import Prefetcher
from training.rollouts.prompts import PromptStream, read_prompts
from training.rollouts.verifier import Verifier
from training.run.run import Run
from training.trainer.distributed.sharding import shard
from training.trainer.engines import start_engine
from training.trainer.identity import identity_of
from training.trainer.optimization import learning_rate_at, make_optimizer
from training.trainer.progress import progress_line
from training.trainer.updates import score, score_and_keep, score_by_base, train_on
from training.trainer.watch import Watch


def train(
    config: TrainingConfig,
    make_pool: Callable[[], LeanPool],
    report: Callable[[str], None] = print,
    command: str = "",
    place: SamplingPlace | None = None,
) -> Path:
    """Train to the end, from the last checkpoint if there is one; returns the folder of the finished model.

    Args:
        make_pool: creates the pool of Lean workers.
        report: receives lines of progress.
        command: the command line, for the model's record.
        place: hosts that sample; None: this process.

    Raises:
        ValueError: the configuration and the data, or an earlier checkpoint, are inconsistent.
        SamplerUnavailableError: vLLM is missing, or cannot serve the model.
        PoolUnavailableError, VerifierGoneError: Lean or the cluster cannot be started, or Lean stopped answering.
        SamplersLostError: no sampling host is left.
        DivergedError: loss, gradient or ratio is no longer finite, or too large.
        CollapseError: a guard ended the run.
        StaleWeightsError: sampler and trainer have different weights.
        KeyboardInterrupt: the run was interrupted; a checkpoint is written.
        OSError: something cannot be read or written.
    """
    if config.rollouts is None or config.model.path is None:
        raise ValueError("The configuration has no [rollouts] table.")
    with Run(config, report, command) as run, Trainer(run, make_pool, place) as trainer:
        return trainer.to_the_end()


class Trainer:
    """A run of reinforcement learning. Use it as a context manager, which starts and ends Lean and the engine."""

    def __init__(self, run: Run, make_pool: Callable[[], LeanPool], place: SamplingPlace | None = None) -> None:
        """Read the model and the theorems, and resume an earlier run."""
        assert run.config.rollouts is not None
        self._run, self._config, self._settings = run, run.config, run.config.rollouts
        self._make_pool, self._place = make_pool, place
        self._kept: list[Scores] = []
        self._a_batch = self._settings.prompts_per_step * self._settings.rollouts_per_prompt
        self._budget = self._settings.steps * self._a_batch
        if self._settings.max_staleness and run.processes.count > 1:
            raise ValueError("rollouts.max_staleness is for a run of one process: set it to 0, or start one process.")
        if self._settings.sampler_hosts and place is None:
            raise ValueError("rollouts.sampler_hosts: this command samples on this machine, so set it to 0.")
        if place is not None and run.processes.count > 1:
            raise ValueError("rollouts.sampler_hosts is for a run of one process: set it to 0, or start one process.")
        self._read_model()
        self._read_theorems()
        self._resume()

    def __enter__(self) -> "Trainer":
        with contextlib.ExitStack() as resources:
            self._start(resources)
            self._resources = resources.pop_all()
        return self

    def __exit__(self, *exc: Any) -> None:
        self._resources.__exit__(*exc)

    def to_the_end(self) -> Path:
        """Make steps until the rollouts of `steps` full batches are spent, and write the model."""
        run = self._run
        self._began, self._began_at = time.monotonic(), self._cursor.spent
        with run.stepping():
            while self._cursor.spent < self._budget and not run.best.exhausted:
                watch = Watch()
                batch, shares = self._collect(watch)
                with run.interruption.deferred():
                    self._learn(batch, shares, watch)
        if run.best.exhausted:
            run.report(
                f"step {run.step}: no better on dev for {self._config.dev.patience} measurements: that is enough"
            )
        return run.finish(self._tokenizer)

    # Parts of a run.

    def _read_model(self) -> None:
        """Read the policy, the frozen base, and the optimiser."""
        config, run = self._config, self._run
        self._model, self._tokenizer = load_or_build(config.model, (), config.run.seed)
        self._model.to(run.device).eval()  # type: ignore[arg-type]
        self._base = None if config.model.lora is not None else copy.deepcopy(self._model).requires_grad_(False)
        if config.model.gradient_checkpointing:
            compute_twice(self._model)
        if config.run.sharded:
            for each in (self._model,) if self._base is None else (self._model, self._base):
                shard(each, run.processes)
        self._optimizer = make_optimizer(self._model, config.optimizer)

    def _read_theorems(self) -> None:
        """Read the algorithm, the theorems as prompts, and those of dev."""
        config, settings = self._config, self._settings
        self._algorithm = config.algorithm.create(settings.max_response_tokens)
        self._form = prompt_format(config.model.prompt_format, self._tokenizer)
        self._context = int(self._model.config.max_position_embeddings)
        room = self._context - settings.max_response_tokens
        self._prompts, too_long = read_prompts(settings.prompts, self._form, self._tokenizer, room)
        self._algorithm.check_prompts([prompt.record.name for prompt in self._prompts])
        self._dev = None
        if config.dev.corpora:
            if self._algorithm.samples_base:
                raise ValueError(
                    f"dev.corpora: {config.algorithm.name} samples from the base, so that nothing can be measured."
                )
            dev, dev_too_long = read_prompts(config.dev.corpora, self._form, self._tokenizer, room)
            too_long += dev_too_long
            self._dev = DevSet(dev, config.dev.samples, settings.max_response_tokens)
        if too_long:
            self._run.report(
                f"{too_long} theorems leave no room for {settings.max_response_tokens} tokens of answer: left out"
            )

    def _resume(self) -> None:
        """Resume an earlier run."""
        identity = identity_of(self._config, self._algorithm, self._prompts, self._run.processes.count)
        state = self._run.resume(identity, self._settings.steps, self._model, self._optimizer)
        self._cursor = Cursor()
        if state is not None:
            self._algorithm.load_state_dict(state["algorithm"])
            self._cursor = Cursor(state["draw"], state["spent"])

    def _start(self, resources: contextlib.ExitStack) -> None:
        """Start Lean and the engine."""
        config, run, settings = self._config, self._run, self._settings
        verdicts = config.verification.verdicts or run.folder / "verdicts.jsonl"
        rank = run.processes.rank
        self._verifier = resources.enter_context(
            Verifier(
                self._make_pool,
                verdicts if run.processes.first else verdicts.with_name(f"{verdicts.name}.{rank}"),
                Limits(seconds=config.verification.seconds, heartbeats=config.verification.heartbeats),
            )
        )
        self._engine = start_engine(
            run,
            self._model,
            self._tokenizer,
            self._context,
            self._form.stop,
            self._algorithm.samples_base,
            self._place,
        )
        resources.callback(self._engine.close)
        self._collector = Collector(
            self._engine,
            self._verifier,
            self._form,
            PromptStream(self._prompts, config.run.seed),
            self._algorithm,
            settings,
            self._budget,
            config.run.seed,
            run.processes,
        )
        self._ahead: Prefetcher | None = None
        if settings.max_staleness:
            ahead = Prefetcher(self._collector, self._cursor, run.step, settings.max_staleness)
            self._ahead = resources.enter_context(ahead)

    # Parts of a step.

    def _collect(self, watch: Watch) -> tuple[Batch, list[Rollouts]]:
        """Return a batch with its verdicts, and the scores of base and policy."""
        scored: list[tuple[Scores, Scores]] = []
        self._kept = []
        if self._ahead is None:
            batch = self._collector.collect(
                self._cursor, self._run.step, lambda groups: scored.append(self._score(groups, watch)), watch
            )
        else:
            batch = self._ahead.next()
            watch.lap("wait")
            scored += [self._score(groups, watch) for groups in batch.rounds]
            self._collector.settle(batch)
            watch.lap("verify")
        stale = batch.version != self._run.step
        shares = []
        for groups, usable, (of_base, old) in zip(batch.rounds, batch.kept, scored, strict=True):
            weight = self._settings.max_importance if stale else None
            rollouts = lay_out(groups, old, of_base, self._run.device, weight)
            if not stale:
                check_agreement(rollouts, self._settings.max_mismatch, self._config.model.dtype)
            shares.append(rollouts.select(usable))
        return batch, shares

    def _score(self, groups: Sequence[Group], watch: Watch) -> tuple[Scores, Scores]:
        """Score the answers with base and policy, while Lean may still be checking them."""
        tokens = [group.tokens for group in groups]
        with autocast(self._config.model, self._run.device):
            of_base = score_by_base(self._model, self._base, tokens, self._settings.micro_tokens)
            old = of_base
            if not self._algorithm.samples_base:
                micro_tokens = self._settings.micro_tokens
                if self._keeps(tokens):
                    old, self._kept = score_and_keep(self._model, tokens, micro_tokens)
                else:
                    old = score(self._model, tokens, micro_tokens)
        watch.lap("score")
        return of_base, old

    def _keeps(self, groups: Sequence[TokenGroup]) -> bool:
        """Whether the pass over these groups is also used for the gradient."""
        alone = self._run.processes.count == 1 and self._settings.updates_per_batch == 1
        return alone and sum(group.tokens for group in groups) <= self._settings.kept_tokens

    def _learn(self, batch: Batch, shares: Sequence[Rollouts], watch: Watch) -> None:
        """Make one step: advantages and updates, new weights for the engine, and logging."""
        run, settings = self._run, self._settings
        staleness = run.step - batch.version
        run.step += 1
        self._cursor = batch.cursor
        last = self._cursor.spent >= self._budget
        learning_rate = learning_rate_at(
            math.ceil(self._cursor.spent / self._a_batch), settings.steps, self._config.optimizer
        )
        same = len(batch.rounds) == 1 and len(batch.usable) == len(batch.sampled)
        kept, self._kept = self._kept if same else [], []
        with autocast(self._config.model, run.device):
            metrics = train_on(
                self._model,
                self._optimizer,
                self._algorithm,
                [group.tokens for group in batch.usable],
                joined(shares),
                settings,
                learning_rate,
                self._config.optimizer.clip_norm,
                run.processes,
                watch,
                kept,
            )
        measures = self._dev is not None and (run.step % self._config.dev.every == 0 or last)
        # The engine gets the new weights; the next batch verifies that it has them.
        if not self._algorithm.samples_base and (not last or measures):
            self._engine.write(self._model, self._tokenizer)
            if self._ahead is None:
                self._engine.load_written()
            else:
                self._ahead.learned(run.step)
        watch.lap("push")
        metrics |= self._measured() if measures else {}
        run.best.note(run.step, metrics.get("dev_reward"))
        watch.lap("dev")
        if not measures:
            del watch.laps["seconds_dev"]
        metrics |= _summed(run.processes.gather(check_metrics(batch.sampled, self._verifier.counts)))
        metrics |= watch.laps | {"spent": float(self._cursor.spent)}
        if settings.max_staleness:
            metrics |= {"staleness": float(staleness), "seconds_ahead": batch.seconds}
        if run.processes.first and (run.step % self._config.run.log_every == 0 or last):
            spent = self._cursor.spent
            remaining = (time.monotonic() - self._began) / (spent - self._began_at) * (self._budget - spent)
            run.report(progress_line(run.step, spent / self._budget, remaining, metrics))
        more = {
            "algorithm": self._algorithm.state_dict(),
            "draw": self._cursor.draw,
            "spent": self._cursor.spent,
        }
        run.end_step(metrics, last, self._tokenizer, more)

    def _measured(self) -> Metrics:
        """Measure the new weights on dev."""
        assert self._dev is not None
        with contextlib.nullcontext() if self._ahead is None else self._ahead.paused():
            self._engine.load_written()
            return self._dev.measure(self._engine, self._verifier, self._form, self._run.processes)


def _summed(of_processes: Sequence[Metrics]) -> Metrics:
    return {name: sum(metrics[name] for metrics in of_processes) for name in of_processes[0]}
