"""What a model learns from, and how that is watched and measured: all tables but those of `model.py`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError, model_validator

from training.algorithms.algorithm import Algorithm
from training.algorithms.registry import create_algorithm
from training.config.section import ConfigTable, first_mistake
from training.evaluation.samples import rollout_pass_rates


class SftConfig(ConfigTable):
    """Supervised fine-tuning on verified proofs."""

    proofs: tuple[Path, ...] = Field(min_length=1)
    """JSONL files of theorems with their proofs."""
    lessons: tuple[Path, ...] = ()
    """JSONL files of prompts and responses in the format source-critique, learnt beside the proofs."""
    held_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of these theorems that are not trained on; the loss of their proofs is logged."""
    dev_proofs: tuple[Path, ...] = ()
    """More proofs whose loss is logged."""
    proofs_per_theorem: int = Field(default=16, ge=1)
    """At most so many proofs of one theorem, the first in the file."""
    steps: int = Field(default=1000, ge=1)
    """Optimiser steps."""
    row_length: int = Field(default=512, ge=16)
    """Tokens of a row into which examples are packed; longer examples are left out."""
    rows: int = Field(default=16, ge=1)
    """Rows of one optimiser step."""
    micro_rows: int = Field(default=4, ge=1)
    """Rows of one forward pass; less takes less memory and gives the same gradient."""
    dev_every: int = Field(default=50, ge=1)
    """Steps between evaluations on `dev_proofs` and what is held out."""
    dev_patience: int | None = Field(default=None, ge=1)
    """End after so many evaluations in a row without a smaller loss, with the weights of the smallest. None: no early end, and
    the last weights."""


class PreferenceConfig(ConfigTable):
    """Learning from pairs of which one answer is preferred, by the algorithm scrpo."""

    pairs: tuple[Path, ...] = Field(min_length=1)
    """JSONL files of pairs: prompt, preferred, rejected, why."""
    steps: int = Field(default=100, ge=1)
    """Optimiser steps."""
    pairs_per_step: int = Field(default=32, ge=1)
    """Pairs of one optimiser step."""
    micro_tokens: int = Field(default=4096, ge=16)
    """Tokens of one forward pass; less takes less memory and gives the same gradient."""


class RolloutConfig(ConfigTable):
    """What is sampled for each step of reinforcement learning."""

    prompts: tuple[Path, ...] = Field(min_length=1)
    """JSONL files of theorems."""
    steps: int = Field(default=200, ge=1)
    """Rollout batches."""
    prompts_per_step: int = Field(default=128, ge=1)
    """Theorems of a batch."""
    rollouts_per_prompt: int = Field(default=4, ge=2)
    """Samples of each; 2 or more, because baselines are means over the others."""
    max_response_tokens: int = Field(default=1024, ge=1)
    """Longest response; the constant divisor L of the losses that have one."""
    updates_per_batch: int = Field(default=1, ge=1)
    """Mini-batches, each one optimiser step, that a batch is cut into; with 1 every ratio is 1 and no clip ever binds."""
    micro_tokens: int = Field(default=2048, ge=16)
    """Tokens of one forward pass; a larger group is one pass of its own. Less takes less memory."""
    kept_tokens: int = Field(default=0, ge=0)
    """A batch of at most so many tokens is read by the policy once, not twice: its activations are kept while Lean checks, and
    gradients are those of that pass. For one process and one update a batch; takes memory for all of it at once."""
    sequences: int = Field(default=64, ge=1)
    """Most sequences that the sampling engine works on at once."""
    parts: int = Field(default=1, ge=1)
    """Into how many parts what is sampled at once is cut, each of which is sampled by itself: as many hosts can share it, and
    it is the same bit for bit whichever do. `sequences` are those of one part."""
    sampler_hosts: int = Field(default=0, ge=0)
    """How many hosts of the cluster that `lean.cluster` names sample instead of this process, of those that offer the resource
    `sampler` (docs/cluster.md)."""
    weight_transfer: bool = True
    """Send new weights from the trainer's GPU to those of the hosts that sample by NCCL; else, and without GPUs, they go through
    the cluster's object store."""
    gpu_memory: float = Field(default=0.4, gt=0, lt=1)
    """Share of a GPU's memory for the sampling engine, which shares it with the trainer."""
    max_mismatch: float | None = Field(default=None, gt=0)
    """The run stops when trainer and engine disagree on log-probabilities by more, mean over a batch's tokens, since
    then the engine has other weights. None: 1e-4 for float32, 0.05 for bfloat16."""
    max_ratio: float = Field(default=1e4, gt=1)
    """The run stops when a token becomes so many times likelier within one batch; seen on the first `micro_tokens` tokens
    after the last update, and on all of a mini-batch before each."""
    max_staleness: int = Field(default=0, ge=0)
    """How many updates older than the policy that learns the weights that sample may be. 0 samples, then learns, and repeats
    bit for bit on a CPU; with 1 the next batch is sampled and checked while this one is learned from."""
    max_importance: float = Field(default=2.0, ge=1)
    """Answers of older weights count by how much likelier they are now, at most so many times."""


class AlgorithmConfig(ConfigTable):
    """How verdicts become a gradient."""

    name: str = "alpha_dpg"
    """Which algorithm; the registry lists them."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Options of the algorithm, such as alpha."""
    base_samples: tuple[Path, ...] = ()
    """What `leansieve evaluate run` drew from the base for the theorems to train on, at temperature 1, top_p 1 and the
    rollouts' longest response: the share of right answers is alpha_dpg's Z, for `partition = "precomputed"`."""

    @model_validator(mode="after")
    def _exists(self) -> "AlgorithmConfig":
        precomputed = self.options.get("partition") == "precomputed"
        if self.base_samples and (not precomputed or "partitions" in self.options):
            raise ValueError('base_samples are for the option partition = "precomputed" without partitions')
        self._create(self.options, length=1)
        return self

    def create(self, length: int) -> Algorithm:
        """The algorithm; `length` is the longest response allowed, in tokens.

        Raises:
            ValueError, OSError: a file of `base_samples` cannot be used, or read.
        """
        if not self.base_samples:
            return self._create(self.options, length)
        rates = {name: rate for path in self.base_samples for name, rate in rollout_pass_rates(path, length).items()}
        return self._create({**self.options, "partitions": rates}, length)

    def _create(self, options: Mapping[str, Any], length: int) -> Algorithm:
        try:
            return create_algorithm(self.name, options, length)
        except ValidationError as error:
            raise ValueError(first_mistake(error)) from None


class VerificationConfig(ConfigTable):
    """Limits of one check while training."""

    seconds: float = Field(default=10.0, gt=0)
    """Wall-clock deadline."""
    heartbeats: int = Field(default=100_000, ge=1)
    """Lean's `maxHeartbeats`."""
    verdicts: Path | None = None
    """File of verdicts that runs and evaluations share, one at a time; None: one in the run's folder."""


class DevConfig(ConfigTable):
    """Measuring on theorems that are not trained on, while a run learns from verdicts."""

    corpora: tuple[Path, ...] = ()
    """Files of theorems; none: nothing is measured."""
    every: int = Field(default=10, ge=1)
    """Steps between measurements."""
    samples: int = Field(default=4, ge=1)
    """Samples a theorem, always from the same seeds."""
    patience: int | None = Field(default=None, ge=1)
    """End after so many measurements in a row without a larger share of right answers, with the weights of the largest.
    None: no early end, and the last weights."""


class GuardConfig(ConfigTable):
    """When a run is ended because its model collapses; `inf`, or 0 for the least ones, turns a guard off."""

    patience: int = Field(default=3, ge=1)
    """Steps in a row at which a guard must object."""
    max_kl: float = Field(default=50.0, gt=0)
    """Largest KL divergence to the base, nats an answer."""
    min_entropy: float = Field(default=1e-3, ge=0)
    """Smallest entropy of the policy, nats a token."""
    min_verified: float = Field(default=0.2, ge=0, le=1)
    """Smallest share of verified rollouts, as a part of the first step's share."""
    max_gradient_norm: float = Field(default=1e3, gt=0)
    """Largest norm of the gradient, before it is clipped."""
    max_loss: float = Field(default=1.5, gt=0)
    """Largest loss in fine-tuning, as a multiple of that of a guess among all tokens."""


class EvaluationConfig(ConfigTable):
    """How a finished model is measured."""

    corpora: tuple[Path, ...] = ()
    """JSONL files of theorems."""
    samples: int = Field(default=256, ge=1)
    """Samples a theorem."""
    temperature: float = Field(default=1.0, ge=0)
    """Softmax temperature."""
    top_p: float = Field(default=0.99, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int = Field(default=1024, ge=1)
    """Longest response."""
