"""TRL's GRPOTrainer, for benchmarks/training/trainer.py: runs in TRL's own environment and checks proofs through its parent process.

stdin has the settings, then answers; stdout gets JSON lines: `{"check": [[prompt's number, answer], …]}`, answered by
`[reward, …]`, and `{"step": {lap: seconds}, …}` after each optimiser step.
"""

import contextlib
import json
import os
import sys
import time
from collections.abc import Iterator
from typing import Any

os.environ |= {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": "", "TRL_EXPERIMENTAL_SILENCE": "1"}

import torch
import transformers
from datasets import Dataset
from transformers import AutoTokenizer, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

to_caller = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # output of libraries must not reach the parent


def say(message: dict[str, Any]) -> None:
    """Write a line to the parent."""
    to_caller.write(json.dumps(message) + "\n")
    to_caller.flush()


class TimedTrainer(GRPOTrainer):
    """A GRPOTrainer that measures the time of its methods."""

    laps: dict[str, float]

    @contextlib.contextmanager
    def lap(self, name: str) -> Iterator[None]:
        """Measures the time of a block, without nested measured blocks."""
        began, counted = time.perf_counter(), sum(self.laps.values())
        yield
        inside = sum(self.laps.values()) - counted
        self.laps[name] = self.laps.get(name, 0.0) + time.perf_counter() - began - inside

    def _generate(self, *arguments: Any, **named: Any) -> Any:
        with self.lap("sample"):
            return super()._generate(*arguments, **named)

    def _calculate_rewards(self, *arguments: Any, **named: Any) -> Any:
        with self.lap("verify"):
            return super()._calculate_rewards(*arguments, **named)

    def _prepare_inputs(self, *arguments: Any, **named: Any) -> Any:
        with self.lap("score"):
            return super()._prepare_inputs(*arguments, **named)

    def compute_loss(self, *arguments: Any, **named: Any) -> Any:
        with self.lap("forward"):
            return super().compute_loss(*arguments, **named)

    def training_step(self, *arguments: Any, **named: Any) -> Any:
        with self.lap("backward"):
            return super().training_step(*arguments, **named)


class Steps(TrainerCallback):
    """Reports each step to the parent."""

    def __init__(self) -> None:
        self.trainer: TimedTrainer | None = None
        self.lengths: list[int] = []
        self.began = time.perf_counter()

    def on_step_begin(self, *arguments: Any, **named: Any) -> None:
        assert self.trainer is not None
        self.trainer.laps = {}
        self.began = time.perf_counter()

    def on_step_end(self, *arguments: Any, **named: Any) -> None:
        assert self.trainer is not None
        laps = self.trainer.laps
        laps["optimizer"] = time.perf_counter() - self.began - sum(laps.values())
        say({"step": laps, "tokens": sum(self.lengths)})
        self.lengths.clear()


def main() -> None:
    """Train with the settings."""
    settings = json.loads(sys.stdin.readline())
    torch.set_num_threads(1)
    transformers.utils.logging.set_verbosity_error()
    tokenizer = AutoTokenizer.from_pretrained(settings["model"])
    steps = Steps()

    def reward(completions: list[str], completion_ids: list[list[int]], number: list[int], **named: Any) -> list[float]:
        finished = [ids[-1] == tokenizer.eos_token_id for ids in completion_ids]
        steps.lengths += map(len, completion_ids)
        texts = [text if whole else "" for text, whole in zip(completions, finished, strict=True)]
        say({"check": list(zip(number, texts, strict=True))})
        return json.loads(sys.stdin.readline())

    rollouts = settings["prompts_per_step"] * settings["rollouts_per_prompt"]
    config = GRPOConfig(
        output_dir=settings["folder"],
        model_init_kwargs={"dtype": "float32"},
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=settings["rows"],
        gradient_accumulation_steps=rollouts // settings["rows"],
        num_generations=settings["rollouts_per_prompt"],
        max_completion_length=settings["max_tokens"],
        temperature=1.0,
        top_p=1.0,
        top_k=0,
        beta=settings["beta"],
        loss_type="grpo",
        learning_rate=settings["learning_rate"],
        lr_scheduler_type="constant",
        max_steps=settings["steps"],
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        logging_steps=10**6,
    )
    numbered = [{"prompt": prompt, "number": number} for number, prompt in enumerate(settings["prompts"])]
    trainer = TimedTrainer(
        model=settings["model"],
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_list(numbered),
        processing_class=tokenizer,
        callbacks=[steps],
    )
    steps.trainer = trainer
    trainer.laps = {}
    trainer.train()


if __name__ == "__main__":
    main()
