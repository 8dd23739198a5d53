"""Supervised fine-tuning on verified proofs.

    python -m training.model.sft CONFIG.toml

Trains a model from scratch, or goes on from any Hugging Face causal language model (all weights, or adapters), with the
loss on responses only. The same command after a crash, a kill or Ctrl-C goes on from the last checkpoint, on a CPU bit
for bit as if nothing had happened. Writes into the run's folder: checkpoints/, metrics.jsonl, tensorboard/ and model/,
which transformers and vLLM load.

Started by torchrun, several processes share the rows of each step; see `training.trainer.processes`. Left out: examples longer
than `row_length`, which are dropped with a count.
"""

import argparse
import contextlib
import hashlib
import itertools
import json
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from prover.sampling.prompt import SourceFormat
from training.config import SftConfig, TrainingConfig, load_config, write_config
from training.corpus.proofs import ProvedTheorem, hold_out, read_proofs
from training.model.examples import Example, batches_of, encode_example, lay_out, pack
from training.model.llama import save_for_serving
from training.model.load import load_or_build, unpacked
from training.model.log_probs import packed_log_probs
from training.trainer.checkpoint import check_identity, load_checkpoint, save_checkpoint
from training.trainer.log import MetricsLog
from training.trainer.optimization import DivergedError, learning_rate_at, make_optimizer, update
from training.trainer.processes import Processes
from training.trainer.sharding import idle_passes, is_sharded, load_whole_state, shard, whole_state


def fine_tune(config: TrainingConfig) -> Path:
    """Run to the end, from the last checkpoint if there is one; returns the folder of the finished model.

    Raises:
        ValueError: the configuration and the data, or an earlier checkpoint, do not fit together.
        DivergedError: the loss is not finite any more.
        OSError: something cannot be read or written.
    """
    sft = config.sft
    if sft is None:
        raise ValueError("The configuration has no [sft] table.")
    if config.model.prompt_format != "source":
        raise ValueError(
            f"Fine-tuning writes the source format, found model.prompt_format {config.model.prompt_format!r}."
        )
    folder = config.run.folder
    processes = Processes()
    if processes.first:
        write_config(config)
    if config.run.threads is not None:
        torch.set_num_threads(config.run.threads)
    device = torch.device(_device(config.run.device))
    torch.use_deterministic_algorithms(device.type == "cpu")
    torch.manual_seed(config.run.seed)

    # 1. Text, tokenizer, model, tokens.
    proved, held_out = hold_out(_read(sft.proofs), sft.held_out)
    pairs, dev_pairs = _texts(proved, sft), _texts([*held_out, *_read(sft.dev_proofs)], sft)
    with processes.first_alone():
        config = config.model_copy(update={"model": unpacked(config.model, folder / "base")})
    model, tokenizer = load_or_build(config.model, itertools.chain(*pairs), config.run.seed)
    model.to(device).train()  # type: ignore[arg-type]
    examples, dev_examples = (_examples(tokenizer, texts, sft.row_length) for texts in (pairs, dev_pairs))
    padding = int(tokenizer.pad_token_id)

    # 2. Where an earlier run stood.
    if config.run.sharded:
        shard(model, processes)
    optimizer = make_optimizer(model, config.optimizer)
    trained = {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}
    identity = _identity(config, examples)
    state = load_checkpoint(folder / "checkpoints")
    done = 0
    if state is not None:
        check_identity(identity, state["identity"], folder)
        load_whole_state(trained, optimizer, state)
        done = state["step"]
        if processes.first:
            print(f"going on from step {done}", flush=True)
    batches = batches_of(examples, sft.row_length, sft.rows, padding, config.run.seed)
    batches = itertools.islice(batches, done, sft.steps)

    # 3. Steps.
    started = time.monotonic()
    with contextlib.ExitStack() as resources:
        resources.callback(processes.close)
        log = resources.enter_context(MetricsLog(folder, done)) if processes.first else None
        for step, rows in enumerate(batches, start=done + 1):
            learning_rate = learning_rate_at(step, sft.steps, config.optimizer)
            tokens = int(rows.learnt.sum())
            loss = 0.0
            parts = rows.split(sft.micro_rows)
            mine = parts[processes.rank :: processes.count]
            idle = idle_passes(model, len(mine))
            for part in mine:
                part_loss = -packed_log_probs(model, part.to(device)).sum() / tokens
                part_loss.backward()  # type: ignore[no-untyped-call]
                loss += float(part_loss.detach())
            for _ in range(idle):
                (0 * packed_log_probs(model, parts[0].to(device)).sum()).backward()  # type: ignore[no-untyped-call]
            loss = sum(processes.gather(loss))
            if not is_sharded(model):
                processes.sum_gradients(trained.values())
            norm = update(model, optimizer, learning_rate, config.optimizer.clip_norm, loss)
            metrics = {"loss": loss, "learning_rate": learning_rate, "gradient_norm": norm, "tokens": float(tokens)}
            if dev_examples and (step % sft.dev_every == 0 or step == sft.steps):
                metrics["dev_loss"] = _mean_loss(model, dev_examples, sft, padding, device)
            if log is not None:
                log.write(step, metrics)
            if processes.first and (step % config.run.log_every == 0 or step == sft.steps):
                _print_progress(step, done, sft.steps, time.monotonic() - started, metrics)
            if step % config.run.checkpoint_every == 0 or step == sft.steps:
                state = {"identity": identity, **whole_state(trained, optimizer, keep=processes.first)}
                if processes.first:
                    save_checkpoint(folder / "checkpoints", step, state, config.run.keep_checkpoints)

        # 4. The finished model.
        adapters = config.model.lora is not None
        save_for_serving(model, tokenizer, folder / "model", adapters, write=processes.first)
    return folder / "model"


def _device(choice: str) -> str:
    return ("cuda" if torch.cuda.is_available() else "cpu") if choice == "auto" else choice


def _read(paths: Sequence[Path]) -> list[ProvedTheorem]:
    return [proved for path in paths for proved in read_proofs(path)]


def _texts(theorems: Sequence[ProvedTheorem], sft: SftConfig) -> list[tuple[str, str]]:
    """Prompts and responses, as the model reads and writes them."""
    form = SourceFormat()
    return [
        (form.render(proved.theorem.theorem), form.answer(proof))
        for proved in theorems
        for proof in proved.proofs[: sft.proofs_per_theorem]
    ]


def _examples(tokenizer: PreTrainedTokenizerBase, texts: Sequence[tuple[str, str]], longest: int) -> list[Example]:
    examples = [encode_example(tokenizer, prompt, response) for prompt, response in texts]
    kept = [example for example in examples if example.length <= longest]
    if texts and not kept:
        raise ValueError(f"No example is as short as row_length ({longest} tokens).")
    if len(kept) < len(examples):
        print(f"{len(examples) - len(kept)} of {len(examples)} examples are longer than a row and left out", flush=True)
    return kept


@torch.no_grad()
def _mean_loss(
    model: PreTrainedModel, examples: Sequence[Example], sft: SftConfig, padding: int, device: torch.device
) -> float:
    """Cross-entropy a response token, nats."""
    model.eval()  # type: ignore[no-untyped-call]
    total, tokens = 0.0, 0
    rows = pack(examples, sft.row_length)
    for start in range(0, len(rows), sft.micro_rows):
        part = lay_out(rows[start : start + sft.micro_rows], sft.row_length, padding)
        total -= float(packed_log_probs(model, part.to(device)).sum())
        tokens += int(part.learnt.sum())
    model.train()
    return total / tokens


def _identity(config: TrainingConfig, examples: Sequence[Example]) -> dict[str, Any]:
    """What must be the same for a run to go on: everything that changes what a step does."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(repr((example.prompt, example.response)).encode())
    settings = config.model_dump(mode="json", include={"model", "optimizer", "sft"})
    flat = {f"{table}.{name}": json.dumps(value) for table in settings for name, value in settings[table].items()}
    return {**flat, "run.seed": config.run.seed, "the data": digest.hexdigest()}


def _print_progress(step: int, resumed: int, steps: int, seconds: float, metrics: Mapping[str, float]) -> None:
    left = timedelta(seconds=round(seconds / (step - resumed) * (steps - step)))
    dev = f"  dev loss {metrics['dev_loss']:.4f}" if "dev_loss" in metrics else ""
    print(f"step {step}/{steps}  loss {metrics['loss']:.4f}{dev}  {left} left", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Fine-tune a model on verified proofs.")
    parser.add_argument("config", type=Path, help="a TOML file; training/config.py describes every setting")
    arguments = parser.parse_args()
    again = f"the same command goes on from the last checkpoint of {arguments.config}"
    try:
        print(f"the model is in {fine_tune(load_config(arguments.config))}")
    except DivergedError as error:
        sys.exit(f"error: training diverged: {error}; lower optimizer.learning_rate, or look at the data; {again}")
    except KeyboardInterrupt:
        sys.exit(f"interrupted; {again}")
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
