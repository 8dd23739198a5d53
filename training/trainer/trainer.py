"""Reinforcement learning on verdicts: a base model becomes a prover, by any of the algorithms in `training.algorithms`.

    leansieve train CONFIG.toml

Each step samples answers to some theorems with vLLM, lets Lean check them meanwhile, and turns the verdicts into a
gradient; then the engine gets the new weights. The same command after a crash, a kill or Ctrl-C goes on from the last
checkpoint, on a CPU bit for bit as if nothing had happened. Writes into the run's folder: checkpoints/, metrics.jsonl,
tensorboard/, verdicts.jsonl unless the configuration names a file, and model/, which transformers and vLLM load.

Dropout is off throughout, so that a first update sees the very policy that sampled. Left out: rollouts of older
weights (asynchronous training), and sharding one model over several engines: a model that `run.sharded` shares out over
the trainers of several processes still has to fit into each process's engine.
"""

import contextlib
import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
import transformers

from prover.lean.workers.pool import WorkerPool
from prover.verdict import Limits
from training.algorithms.algorithm import Algorithm, Metrics, Rollouts
from training.config import TrainingConfig, write_config
from training.model.llama import save_for_serving
from training.model.load import load_or_build, unpacked
from training.model.prompts import prompt_format
from training.rollouts.engine import RolloutEngine
from training.rollouts.groups import Group, check_metrics, joined, lay_out, sample_groups
from training.rollouts.prompts import Prompt, PromptStream, read_prompts
from training.rollouts.verifier import Verifier
from training.trainer.checkpoint import check_identity, load_checkpoint, save_checkpoint
from training.trainer.log import MetricsLog
from training.trainer.optimization import learning_rate_at, make_optimizer
from training.trainer.processes import Processes
from training.trainer.sharding import load_whole_state, shard, whole_state
from training.trainer.updates import score, score_by_base, train_on
from training.trainer.watch import Watch

_MISMATCH = {"float32": 1e-4, "bfloat16": 0.05}


class StaleWeightsError(RuntimeError):
    """The sampling engine does not answer with the trainer's weights."""


def train(config: TrainingConfig, make_pool: Callable[[], WorkerPool], report: Callable[[str], None] = print) -> Path:
    """Run to the end, from the last checkpoint if there is one; returns the folder of the finished model.

    Args:
        make_pool: makes the pool of Lean workers.
        report: takes a line of progress.

    Raises:
        ValueError: the configuration and the data, or an earlier checkpoint, do not fit together.
        SamplerUnavailableError: vLLM is missing, or cannot serve the model.
        PoolUnavailableError, VerifierGoneError: Lean cannot be started, or gives no answers any more.
        DivergedError: loss, gradient or ratio are not finite any more, or too large.
        StaleWeightsError: sampler and trainer disagree.
        OSError: something cannot be read or written.
    """
    settings = config.rollouts
    if settings is None or config.model.path is None:
        raise ValueError("The configuration has no [rollouts] table.")
    folder = config.run.folder
    processes = Processes()
    if processes.first:
        write_config(config)
    device = torch.device("cuda" if config.run.device != "cpu" and torch.cuda.is_available() else "cpu")
    torch.use_deterministic_algorithms(device.type == "cpu")
    if config.run.threads is not None:
        torch.set_num_threads(config.run.threads)

    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]

    # 1. Model, frozen base, optimiser, algorithm, theorems.
    with processes.first_alone():
        config = config.model_copy(update={"model": unpacked(config.model, folder / "base")})
    model, tokenizer = load_or_build(config.model, (), config.run.seed)
    model.to(device).eval()  # type: ignore[arg-type]
    lora = config.model.lora
    base = None if lora is not None else copy.deepcopy(model).requires_grad_(False)
    if config.run.sharded:
        for each in (model,) if base is None else (model, base):
            shard(each, processes)
    optimizer = make_optimizer(model, config.optimizer)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    algorithm = config.algorithm.create(settings.max_response_tokens)
    form = prompt_format(config.model.prompt_format, tokenizer)
    context = int(model.config.max_position_embeddings)
    prompts, too_long = read_prompts(settings.prompts, form, tokenizer, context - settings.max_response_tokens)
    if too_long:
        report(f"{too_long} theorems leave no room for {settings.max_response_tokens} tokens of answer: left out")
    algorithm.check_prompts([prompt.record.name for prompt in prompts])
    stream = PromptStream(prompts, config.run.seed)

    # 2. Where an earlier run stood.
    identity = _identity(config, algorithm, prompts, processes)
    state = load_checkpoint(folder / "checkpoints")
    step = spent = draw = 0
    if state is not None:
        check_identity(identity, state["identity"], folder)
        load_whole_state(trained, optimizer, state)
        algorithm.load_state_dict(state["algorithm"])
        step, spent, draw = state["step"], state["spent"], state["draw"]
        report(f"going on from step {step}")

    # 3. Engine and Lean.
    with contextlib.ExitStack() as resources:
        resources.callback(processes.close)
        verdicts = config.verification.verdicts or folder / "verdicts.jsonl"
        verifier = resources.enter_context(
            Verifier(
                make_pool,
                verdicts if processes.first else verdicts.with_name(f"{verdicts.name}.{processes.rank}"),
                Limits(seconds=config.verification.seconds, heartbeats=config.verification.heartbeats),
            )
        )
        pushed = folder / "engine"
        assert config.model.path is not None
        checkpoint = config.model.path
        if lora is None and not algorithm.samples_base:
            checkpoint = pushed / "start"
            save_for_serving(model, tokenizer, checkpoint, write=processes.first)
            processes.wait()
        engine = RolloutEngine(
            checkpoint,
            pushed,
            context,
            settings.sequences,
            settings.gpu_memory,
            None if lora is None else lora.rank,
            form.stop,
            processes,
        )
        resources.callback(engine.close)
        if lora is not None and not algorithm.samples_base:
            engine.push(model, tokenizer)
        if config.run.threads is not None:
            torch.set_num_threads(config.run.threads)  # vLLM sets its own
        log = resources.enter_context(MetricsLog(folder, step)) if processes.first else None

        # 4. Steps, until as many rollouts are spent as a run of `steps` full batches has.
        a_batch = settings.prompts_per_step * settings.rollouts_per_prompt
        budget = settings.steps * a_batch
        began, began_at = time.monotonic(), spent
        while spent < budget:
            watch = Watch()
            sampled: list[Group] = []
            usable: list[Group] = []
            shares: list[Rollouts] = []
            while sum(processes.gather(len(usable))) < settings.prompts_per_step and spent < budget:
                # 4a. Sample. Each process takes its share of the prompts; Lean begins with whatever is complete.
                wanted = settings.prompts_per_step - sum(processes.gather(len(usable)))
                wanted = min(wanted, (budget - spent) // settings.rollouts_per_prompt)
                wanted = -(-wanted // processes.count) * processes.count  # every process has as many
                drawn = [(number, stream[number]) for number in range(draw, draw + wanted)]
                groups = sample_groups(
                    engine,
                    verifier,
                    form,
                    drawn[processes.rank :: processes.count],
                    settings.rollouts_per_prompt,
                    settings.max_response_tokens,
                    config.run.seed,
                    greedy=algorithm.needs_greedy,
                )
                draw, spent = draw + wanted, spent + wanted * settings.rollouts_per_prompt
                watch.lap("sample")
                # 4b. What the base and the policy say of the answers, while Lean is still at work.
                tokens = [group.tokens for group in groups]
                of_base = score_by_base(model, base, tokens, settings.micro_tokens)
                old = of_base if algorithm.samples_base else score(model, tokens, settings.micro_tokens)
                watch.lap("score")
                # 4c. Verdicts. Groups that the algorithm cannot use are replaced, from the same budget.
                rollouts = lay_out(groups, old, of_base, device)
                watch.lap("verify")
                check_agreement(rollouts, settings.max_mismatch or _MISMATCH[config.model.dtype])
                chosen = algorithm.keep_groups(rollouts.rewards).nonzero()[:, 0].tolist()
                sampled += groups
                usable += [groups[index] for index in chosen]
                shares.append(rollouts.select(chosen))

            # 4d. Advantages of the whole batch, and one update for each mini-batch.
            step += 1
            learning_rate = learning_rate_at(math.ceil(spent / a_batch), settings.steps, config.optimizer)
            tokens = [group.tokens for group in usable]
            metrics = train_on(
                model,
                optimizer,
                algorithm,
                tokens,
                joined(shares),
                settings,
                learning_rate,
                config.optimizer.clip_norm,
                processes,
                watch,
            )

            # 4e. The engine gets the new weights; the next batch shows whether it has them.
            if not algorithm.samples_base and spent < budget:
                engine.push(model, tokenizer)
            watch.lap("push")

            # 4f. Write down what happened, and where to go on.
            metrics |= (
                _summed(processes.gather(check_metrics(sampled, verifier.counts)))
                | watch.laps
                | {"spent": float(spent)}
            )
            if log is not None:
                log.write(step, metrics)
            if processes.first and (step % config.run.log_every == 0 or spent >= budget):
                left = (time.monotonic() - began) / (spent - began_at) * (budget - spent)
                report(_progress(step, spent / budget, left, metrics))
            if step % config.run.checkpoint_every == 0 or spent >= budget:
                state = {
                    "identity": identity,
                    **whole_state(trained, optimizer, keep=processes.first),
                    "algorithm": algorithm.state_dict(),
                    "spent": spent,
                    "draw": draw,
                }
                if processes.first:
                    save_checkpoint(folder / "checkpoints", step, state, config.run.keep_checkpoints)

        # 5. The finished model.
        finished = folder / "model"
        save_for_serving(model, tokenizer, finished, adapters=lora is not None, write=processes.first)
    return finished


def check_agreement(rollouts: Rollouts, most: float) -> None:
    """See from the log-probabilities that the engine sampled with the weights that the trainer has.

    Raises:
        StaleWeightsError: they differ by more than `most` nats, mean over tokens.
    """
    mask = rollouts.mask
    if not mask.any() or rollouts.sampler_log_probs is None:
        return
    mismatch = float((rollouts.old_log_probs - rollouts.sampler_log_probs)[mask].abs().mean())
    if not mismatch <= most:
        raise StaleWeightsError(
            f"trainer and sampling engine disagree by {mismatch:.2g} nats a token (rollouts.max_mismatch {most:g}): "
            "the engine does not have the trainer's weights, or computes in a lower precision"
        )


def _identity(
    config: TrainingConfig, algorithm: Algorithm, prompts: Sequence[Prompt], processes: Processes
) -> dict[str, Any]:
    """What must be the same for a run to go on: everything that changes what a step does."""
    digest = hashlib.sha256()
    for prompt in prompts:
        digest.update(repr((prompt.record.theorem.digest, prompt.record.guard, prompt.tokens)).encode())
    tables = {"model", "optimizer", "rollouts", "algorithm", "verification"}
    apart = {"verification": {"verdicts"}, "algorithm": {"base_samples"}}
    settings = config.model_dump(mode="json", include=tables, exclude=apart)
    flat = {f"{table}.{name}": json.dumps(value) for table in settings for name, value in settings[table].items()}
    if config.algorithm.base_samples:  # a file may change
        flat["algorithm.base_samples"] = hashlib.sha256(repr(algorithm).encode()).hexdigest()
    return {**flat, "run.seed": config.run.seed, "processes": processes.count, "the theorems": digest.hexdigest()}


def _summed(of_processes: Sequence[Metrics]) -> Metrics:
    return {name: sum(metrics[name] for metrics in of_processes) for name in of_processes[0]}


def _progress(step: int, done: float, left: float, metrics: Metrics) -> str:
    seconds = {name.removeprefix("seconds_"): value for name, value in metrics.items() if name.startswith("seconds_")}
    spent = ", ".join(f"{name} {value:.1f}" for name, value in seconds.items())
    return (
        f"step {step} ({done:.0%})  {metrics['verified']:.0f}/{metrics['rollouts']:.0f} verified"
        f"  KL {metrics.get('kl_to_base', 0.0):.3f}  entropy {metrics.get('entropy', 0.0):.3f}"
        f"  {sum(seconds.values()):.1f} s ({spent})  {timedelta(seconds=round(left))} left"
    )
