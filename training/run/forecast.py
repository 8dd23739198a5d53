"""Forecasts the needs of a run before its start: `leansieve train FILE --dry-run`.

Nothing is written, and no weights are read. The memory estimate includes everything that is known to be needed, without
activations.
"""

import itertools
import json
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import torch
from transformers import AutoConfig, AutoModelForCausalLM, PreTrainedModel

from training.config import LoraConfig, ModelConfig, TrainingConfig
from training.corpus.jsonl import read_jsonl
from training.corpus.lessons import Pair
from training.corpus.proofs import read_proofs
from training.corpus.record import read_corpus
from training.model.llama import llama_config
from training.model.load import adapted, located
from training.run.run import choose_device
from training.trainer.checkpoint import list_checkpoints, step_of

_CHECK_SECONDS = 0.1  # of one proof in one Lean worker, a rough estimate
_PAIR_TOKENS = 256  # of a prompt with two answers, a rough estimate
_PART_OF_PEAK = 0.3  # share of a large matrix product's speed that training reaches


def forecast(config: TrainingConfig, workers: int) -> Iterator[str]:
    """Return lines that describe the run, its needs, its estimated duration, and its outputs.

    Args:
        workers: number of Lean workers.

    Raises:
        ValueError: the settings or the data are inconsistent.
        OSError: the model or a file of data is missing.
    """
    _check_places(config)
    device = choose_device(config.run.device)
    total, trained = _parameters(config.model)
    if config.sft is not None:
        proved = [each for path in config.sft.proofs for each in read_proofs(path)]
        proofs = sum(len(each.proofs[: config.sft.proofs_per_theorem]) for each in proved)
        yield f"fine-tuning on {proofs} proofs of {len(proved)} theorems, {config.sft.steps} steps"
        steps, tokens = config.sft.steps, config.sft.rows * config.sft.row_length
        work, checks = 6.0 * trained * tokens, 0
    elif config.preferences is not None:
        preferences = config.preferences
        pairs = sum(1 for path in preferences.pairs for _ in read_jsonl(path, Pair))
        yield f"learning from {pairs} pairs by {config.algorithm.name}, {preferences.steps} steps of {preferences.pairs_per_step}"
        tokens = _PAIR_TOKENS * preferences.pairs_per_step
        steps, work, checks = preferences.steps, (2.0 * total + 6.0 * trained) * tokens, 0
    elif config.rollouts is not None:
        rollouts = config.rollouts
        theorems = sum(len(read_corpus(path)) for path in rollouts.prompts)
        a_step = rollouts.prompts_per_step * rollouts.rollouts_per_prompt
        yield (
            f"learning from verdicts by {config.algorithm.name} on {theorems} theorems, {rollouts.steps} steps "
            f"of {rollouts.prompts_per_step} × {rollouts.rollouts_per_prompt} rollouts"
        )
        steps, checks = rollouts.steps, a_step
        work = (2 * 3.0 * total + 6.0 * trained) * a_step * rollouts.max_response_tokens
    else:
        raise ValueError("the tables [sft], [preferences] and [rollouts] are all missing: nothing to do.")
    yield f"model: {_count(total)} parameters, {_count(trained)} of them trained, on {device.type}"
    yield f"memory: {_size(_memory(config, total, trained))} for weights, gradients and AdamW; activations come on top"
    done = max(map(step_of, list_checkpoints(config.run.folder / "checkpoints")), default=0)
    seconds, how = _seconds_a_step(config, work, checks, workers, device)
    left = timedelta(seconds=round(seconds * max(0, steps - done)))
    yield f"time: {left} for {max(0, steps - done)} steps, at {seconds:.2g} s a step {how}"
    yield from _written(config, total, trained, done)


def _check_places(config: TrainingConfig) -> None:
    """Check the folder, and the files that are read only in the course of the run or after it."""
    folder = config.run.folder
    above = next((place for place in (folder, *folder.parents) if place.exists()), Path())
    if not above.is_dir():
        raise ValueError(f"run.folder: {above} is a file, not a folder: name another folder.")
    for setting, corpora in (("dev.corpora", config.dev.corpora), ("evaluation.corpora", config.evaluation.corpora)):
        for path in corpora:
            if not path.is_file():
                raise ValueError(f"{setting}: there is no file {path}.")
            read_corpus(path)


def _parameters(config: ModelConfig) -> tuple[int, int]:
    """Return the numbers of all and of trained parameters."""
    with torch.device("meta"):
        if config.path is None:
            about = llama_config(config.shape, config.vocabulary, 0, 1)
        else:
            path = located(config.path)
            if path.suffix == ".gguf":
                raise ValueError(
                    f"{path}: a GGUF file is unpacked by the run itself; there is no forecast before that."
                )
            about = AutoConfig.from_pretrained(path, local_files_only=True)
        model: PreTrainedModel = AutoModelForCausalLM.from_config(about)  # type: ignore[no-untyped-call]
    total = sum(parameter.numel() for parameter in model.parameters())
    if config.lora is None:
        return total, total
    return total, _trained_of(model, config.lora)


def _trained_of(model: PreTrainedModel, lora: LoraConfig) -> int:
    return sum(parameter.numel() for parameter in adapted(model, lora).parameters() if parameter.requires_grad)


def _memory(config: TrainingConfig, total: int, trained: int) -> int:
    """Return the bytes held throughout the run."""
    narrow = 2 if config.model.dtype == "bfloat16" else 4
    weights = 4 * total if config.model.lora is None else narrow * total + 4 * trained
    bytes_held = weights + 12 * trained  # gradients, and AdamW's two moments
    if config.rollouts is not None:
        bytes_held += narrow * total  # the engine's own copy
    if config.rollouts is not None or config.preferences is not None:
        bytes_held += 4 * total if config.model.lora is None else 0  # the frozen base
    return bytes_held


def _seconds_a_step(
    config: TrainingConfig, work: float, checks: int, workers: int, device: torch.device
) -> tuple[float, str]:
    """Return the seconds per step, and the basis of the estimate."""
    path = config.run.folder / "metrics.jsonl"
    try:
        times = [json.loads(line)["time"] for line in path.read_text(encoding="utf-8").splitlines()[-20:]]
    except (OSError, ValueError, KeyError):
        times = []
    if len(times) > 3:
        gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
        return statistics.median(gaps), "(median of the run's last steps)"
    size = 512
    one, other = (torch.rand(size, size, device=device) for _ in range(2))
    began = time.perf_counter()
    for _ in range(5):
        one = one @ other / size
    float(one.sum())
    speed = 5 * 2 * size**3 / (time.perf_counter() - began)
    seconds = work / (_PART_OF_PEAK * speed) + checks * _CHECK_SECONDS / workers
    return seconds, "(a rough guess from this machine's speed; the same command knows better after four steps)"


def _written(config: TrainingConfig, total: int, trained: int, done: int) -> Iterator[str]:
    folder, kept = config.run.folder, config.run.keep_checkpoints
    going_on = f"resumes from step {done} in" if done else "writes into"
    narrow = 2 if config.model.dtype == "bfloat16" else 4
    finished = narrow * total if config.model.lora is None else 4 * trained
    checkpoint = 12 * trained
    yield f"{going_on} {folder}: config.json, metrics.jsonl, tensorboard/"
    yield f"  checkpoints/: {kept} of {_size(checkpoint)}, and room for one more while it is written"
    yield f"  model/: {_size(finished)}, with training.json"
    if config.rollouts is not None:
        verdicts: Path = config.verification.verdicts or folder / "verdicts.jsonl"
        yield f"  engine/: {_size(2 * finished)} while it runs; verdicts: {verdicts}"


def _count(number: int) -> str:
    return f"{number / 1e9:.2f} G" if number >= 1e9 else f"{number / 1e6:.2f} M"


def _size(number: int) -> str:
    return f"{number / 2**30:.1f} GiB" if number >= 2**30 else f"{number / 2**20:.1f} MiB"
