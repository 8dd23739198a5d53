"""Settings of data, algorithms, monitoring and evaluation: all tables other than those of `model.py`."""

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
    """JSONL files of prompts and responses in the format source-critique, learnt in addition to the proofs."""
    held_out: float = Field(default=0.0, ge=0, lt=1)
    """Share of these theorems held out from training; the loss of their proofs is logged."""
    dev_proofs: tuple[Path, ...] = ()
    """Further proofs whose loss is logged."""
    proofs_per_theorem: int = Field(default=16, ge=1)
    """Maximum number of proofs per theorem, the first in the file."""
    steps: int = Field(default=1000, ge=1)
    """Optimiser steps."""
    row_length: int = Field(default=512, ge=16)
    """Tokens per row of packed examples; longer examples are left out."""
    rows: int = Field(default=16, ge=1)
    """Rows per optimiser step."""
    micro_rows: int = Field(default=4, ge=1)
    """Rows per forward pass; fewer take less memory and give the same gradient."""
    dev_every: int = Field(default=50, ge=1)
    """Steps between evaluations on `dev_proofs` and the held-out proofs."""
    dev_patience: int | None = Field(default=None, ge=1)
    """Early stopping: end after so many evaluations in a row without a smaller loss, with the weights of the smallest.
    None: no early stopping, and the last weights.
    """


class PreferenceConfig(ConfigTable):
    """Learning from preference pairs by the algorithm scrpo."""

    pairs: tuple[Path, ...] = Field(min_length=1)
    """JSONL files of pairs: prompt, preferred, rejected, why."""
    steps: int = Field(default=100, ge=1)
    """Optimiser steps."""
    pairs_per_step: int = Field(default=32, ge=1)
    """Pairs per optimiser step."""
    micro_tokens: int = Field(default=512, ge=16)
    """Tokens per forward pass, as for rollouts; the gradient is the same."""


class RolloutConfig(ConfigTable):
    """Sampling for each step of reinforcement learning."""

    prompts: tuple[Path, ...] = Field(min_length=1)
    """JSONL files of theorems."""
    steps: int = Field(default=200, ge=1)
    """Number of rollout batches."""
    prompts_per_step: int = Field(default=128, ge=1)
    """Theorems per batch."""
    rollouts_per_prompt: int = Field(default=4, ge=2)
    """Samples per theorem; at least 2, because baselines are means over the others."""
    max_response_tokens: int = Field(default=1024, ge=1)
    """Maximum length of a response; the constant divisor L of the losses that have one."""
    updates_per_batch: int = Field(default=1, ge=1)
    """Number of mini-batches per batch, each one optimiser step; with 1 every ratio is 1 and nothing is clipped."""
    micro_tokens: int = Field(default=512, ge=16)
    """Tokens per forward pass; a larger group is a pass by itself. Attention costs their square: a CPU is fastest with 256 to
    512, a GPU with as many as keep it busy. Fewer take less memory."""
    kept_tokens: int = Field(default=0, ge=0)
    """Batches of at most so many tokens are read by the policy once, not twice: activations are kept while Lean checks,
    and the gradient is computed from that pass. For one process and one update per batch; takes memory for the whole
    batch at once.
    """
    sequences: int = Field(default=64, ge=1)
    """Maximum number of concurrent sequences of the sampling engine."""
    parts: int = Field(default=1, ge=1)
    """Number of parts into which the requests sampled at once are cut.

    Each part is sampled separately, so that as many hosts can share the work, and the result is bit for bit the same
    for any assignment. `sequences` applies to each part.
    """
    sampler_hosts: int = Field(default=0, ge=0)
    """Number of hosts of the cluster `lean.cluster` that sample instead of this process, among those with the resource
    `sampler` (docs/cluster.md).
    """
    weight_transfer: bool = True
    """Whether to send new weights by NCCL from the trainer's GPU to those of the sampling hosts; otherwise, and without
    GPUs, they go through the cluster's object store.
    """
    gpu_memory: float = Field(default=0.4, gt=0, lt=1)
    """Share of a GPU's memory for the sampling engine, which shares the GPU with the trainer."""
    max_mismatch: float | None = Field(default=None, gt=0)
    """Maximum difference of log-probabilities between trainer and engine, averaged over a batch's tokens; the run stops
    beyond it, because the engine then has other weights. None: 1e-4 for float32, 0.05 for bfloat16.
    """
    max_ratio: float = Field(default=1e4, gt=1)
    """Maximum factor by which a token may become likelier within one batch; the run stops beyond it.

    Measured before each update on the whole of its mini-batch, and after the last one on the first `micro_tokens`
    tokens.
    """
    max_staleness: int = Field(default=0, ge=0)
    """Maximum number of updates by which the sampling weights may be older than the learning policy. 0: sampling and
    learning alternate, and runs repeat bit for bit on a CPU. 1: the next batch is sampled and checked while this one is
    learned from.
    """
    max_importance: float = Field(default=2.0, ge=1)
    """Maximum importance weight of answers from older weights."""


class AlgorithmConfig(ConfigTable):
    """The algorithm that turns verdicts into a gradient."""

    name: str = "alpha_dpg"
    """Name of the algorithm; the registry lists them."""
    options: Mapping[str, Any] = Field(default_factory=dict)
    """Options of the algorithm, such as alpha."""
    base_samples: tuple[Path, ...] = ()
    """Files that `leansieve evaluate run` wrote for the base and the training theorems, at temperature 1, top_p 1 and
    the rollouts' maximum length: the share of correct answers is alpha_dpg's Z, for `partition = "precomputed"`.
    """

    @model_validator(mode="after")
    def _exists(self) -> "AlgorithmConfig":
        precomputed = self.options.get("partition") == "precomputed"
        if self.base_samples and (not precomputed or "partitions" in self.options):
            raise ValueError('base_samples are for the option partition = "precomputed" without partitions')
        self._create(self.options, length=1)
        return self

    def create(self, length: int) -> Algorithm:
        """Create the algorithm; `length` is the maximum length of a response in tokens.

        Raises:
            ValueError, OSError: a file of `base_samples` is invalid, or cannot be read.
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
    """Limits of one check during training."""

    seconds: float = Field(default=10.0, gt=0)
    """Wall-clock deadline."""
    heartbeats: int = Field(default=100_000, ge=1)
    """Lean's `maxHeartbeats`."""
    verdicts: Path | None = None
    """File of verdicts shared by runs and evaluations, one at a time; None: a file in the run's folder."""


class DevConfig(ConfigTable):
    """Measurements on held-out theorems during a run that learns from verdicts."""

    corpora: tuple[Path, ...] = ()
    """Files of theorems; empty: no measurements."""
    every: int = Field(default=10, ge=1)
    """Steps between measurements."""
    samples: int = Field(default=4, ge=1)
    """Samples per theorem, always with the same seeds."""
    patience: int | None = Field(default=None, ge=1)
    """Early stopping: end after so many measurements in a row without a larger share of correct answers, with the
    weights of the largest. None: no early stopping, and the last weights.
    """


class GuardConfig(ConfigTable):
    """Guards that end a run when its model collapses; `inf`, or 0 for minima, disables a guard."""

    patience: int = Field(default=3, ge=1)
    """Number of consecutive steps at which a guard must object."""
    max_kl: float = Field(default=50.0, gt=0)
    """Maximum KL divergence from the base, nats per answer."""
    min_entropy: float = Field(default=1e-3, ge=0)
    """Minimum entropy of the policy, nats per token."""
    min_verified: float = Field(default=0.2, ge=0, le=1)
    """Minimum share of verified rollouts, relative to the first step's share."""
    max_gradient_norm: float = Field(default=1e3, gt=0)
    """Maximum norm of the gradient before clipping."""
    max_loss: float = Field(default=1.5, gt=0)
    """Maximum loss in fine-tuning, as a multiple of the loss of a uniform guess."""


class EvaluationConfig(ConfigTable):
    """Evaluation of a finished model."""

    corpora: tuple[Path, ...] = ()
    """JSONL files of theorems."""
    samples: int = Field(default=256, ge=1)
    """Samples per theorem."""
    temperature: float = Field(default=1.0, ge=0)
    """Softmax temperature."""
    top_p: float = Field(default=0.99, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int = Field(default=1024, ge=1)
    """Maximum length of a response."""
