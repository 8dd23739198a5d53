"""Interface of model engines: one engine on this machine, or replicas on other hosts."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from prometheus_client import Metric

from prover.sampling.sampler import ReplicaStatus, SamplerStats
from prover.sampling.vllm.engine_settings import EngineSettings


@dataclass(frozen=True, slots=True)
class ModelRequest:
    """A request for one answer.

    Attributes:
        prompt: tokens of the prompt.
        seed: random seed, which reproduces the answer.
        max_tokens: maximum length of the answer.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        stop: texts that end the answer.
        min_tokens: minimum length of the answer.
        priority: lower goes first.
        family: key shared by requests with a common prefix, for routing them to one replica.
    """

    prompt: Sequence[int]
    seed: int
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0
    stop: tuple[str, ...] = ()
    min_tokens: int = 0
    priority: int = 0
    family: str = ""


@dataclass(frozen=True, slots=True)
class ModelAnswer:
    """An answer of a model.

    Attributes:
        text: the text without end token and stop text.
        tokens: number of sampled tokens, end token included.
        log_prob: sum of the tokens' log-probabilities (natural) at temperature 1, without truncation by top_p.
    """

    text: str
    tokens: tuple[int, ...]
    log_prob: float


class Scoring(Protocol):
    """Weights that can score a text."""

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, from transformers."""
        ...

    @property
    def context(self) -> int:
        """Maximum length of prompt plus answer in tokens."""
        ...

    @property
    def precision(self) -> str:
        """Number format of the computation: `float32`, `bfloat16`, …"""
        ...

    async def scores(self, tokens: Sequence[int], adapter: Any = None) -> Sequence[Sequence[float]]:
        """Return the log-probability of each token but the first, given those before it: a list for each copy of the
        weights.

        Raises:
            SamplerUnavailableError: no copy answers.
        """
        ...


class ServingEngine(Scoring, Protocol):
    """Answers with the weights of one checkpoint and any number of adapters."""

    name: str
    checkpoint: Path
    most_adapters: int
    heals: bool
    """Whether the engine restarts parts that died."""

    @property
    def longest_token(self) -> int:
        """Length of the vocabulary's longest token in characters."""
        ...

    @property
    def largest_rank(self) -> int:
        """Maximum rank of adapters; 0: adapters are not supported."""
        ...

    @property
    def dead(self) -> bool:
        """Whether it cannot answer because its process or all its replicas have ended."""
        ...

    @property
    def copies(self) -> int:
        """Number of running copies of the weights."""
        ...

    @property
    def replicas(self) -> tuple[ReplicaStatus, ...]:
        """Replicas on hosts of a cluster; none for an engine on this machine."""
        ...

    async def start(self) -> None:
        """Load the checkpoint. Raises SamplerUnavailableError."""
        ...

    async def close(self) -> None:
        """Stop the engine, even while it is being loaded."""
        ...

    async def answer(self, request: ModelRequest, adapter: Any = None) -> ModelAnswer:
        """Sample one answer. Cancelling stops the work. Raises SamplerUnavailableError."""
        ...

    async def unpaused(self) -> None:
        """Wait until requests are accepted."""
        ...

    def paused(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Drain running requests; further ones wait until the block ends."""
        ...

    async def load(self, checkpoint: Path) -> None:
        """Load other weights of the same shapes; the engine must be paused. Raises SamplerUnavailableError."""
        ...

    async def add_adapter(self, folder: Path) -> Any:
        """Load an adapter and return its handle for `answer`. Raises SamplerUnavailableError."""
        ...

    async def remove_adapter(self, adapter: Any) -> None:
        """Unload an adapter that has no requests."""
        ...

    def stats(self) -> SamplerStats:
        """Statistics of the engine."""
        ...

    def collect(self) -> Iterator[Metric]:
        """Yield vLLM's own metrics of the engine."""
        ...


Checking = Callable[[Scoring], Awaitable[None]]
"""Verifies the weights of a copy of an engine. Raises WeightsError, SamplerUnavailableError."""


class Engines(Protocol):
    """Makes engines."""

    elsewhere: bool
    """Whether the engines use no resources of this machine."""

    async def open(self) -> None:
        """Prepare for the first engine. Raises SamplerUnavailableError."""
        ...

    async def close(self) -> None:
        """Release resources after the last engine."""
        ...

    def make(
        self,
        name: str,
        checkpoint: Path,
        settings: EngineSettings,
        adapters: int,
        rank: int,
        changing: asyncio.Lock,
        check: Checking,
    ) -> ServingEngine:
        """Create an engine; nothing is loaded.

        Args:
            name: name of its checkpoint in metrics and messages.
            checkpoint: a Hugging Face checkpoint.
            settings: settings of this engine.
            adapters: maximum number of adapters.
            rank: maximum rank of an adapter.
            changing: lock held while weights change.
            check: verifies a copy that starts later than the others.
        """
        ...
