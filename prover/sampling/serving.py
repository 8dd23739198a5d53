"""The seam to whatever holds the weights of a checkpoint: an engine on this machine, or replicas of it on others."""

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
    """One answer that is wanted.

    Attributes:
        prompt: tokens.
        seed: makes the answer repeat.
        max_tokens: longest answer.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        stop: texts that end the answer.
        min_tokens: nothing ends an answer of fewer tokens.
        priority: lower goes first.
        family: what requests share whose prompts begin alike: one replica is to read them.
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
    """What a model answered.

    Attributes:
        text: without end token and stop text.
        tokens: sampled, end token included.
        log_prob: sum over the tokens of their log-probabilities (natural) at temperature 1, not truncated by top_p.
    """

    text: str
    tokens: tuple[int, ...]
    log_prob: float


class Scoring(Protocol):
    """Holds weights, and tells what they think of a text."""

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer, of transformers."""
        ...

    @property
    def context(self) -> int:
        """Longest prompt plus answer, in tokens."""
        ...

    @property
    def precision(self) -> str:
        """What it computes with: `float32`, `bfloat16`, …"""
        ...

    async def scores(self, tokens: Sequence[int], adapter: Any = None) -> Sequence[Sequence[float]]:
        """Log-probability of each token but the first, given those before it: once for each copy of the weights.

        Raises:
            SamplerUnavailableError: no copy can tell.
        """
        ...


class ServingEngine(Scoring, Protocol):
    """Answers with the weights of one checkpoint, and with any number of adapters on it."""

    name: str
    checkpoint: Path
    most_adapters: int
    heals: bool
    """Whether it brings back by itself what has died of it."""

    @property
    def longest_token(self) -> int:
        """Of the vocabulary, in characters."""
        ...

    @property
    def largest_rank(self) -> int:
        """Highest rank of an adapter that the engine takes; 0: it takes none."""
        ...

    @property
    def dead(self) -> bool:
        """Whether it cannot answer, because what it consists of has ended by itself."""
        ...

    @property
    def copies(self) -> int:
        """How many copies of the weights answer now."""
        ...

    @property
    def replicas(self) -> tuple[ReplicaStatus, ...]:
        """Those on hosts; none for an engine of this machine."""
        ...

    async def start(self) -> None:
        """Load the checkpoint. Raises SamplerUnavailableError."""
        ...

    async def close(self) -> None:
        """Stop it; what is being loaded, as soon as it is."""
        ...

    async def answer(self, request: ModelRequest, adapter: Any = None) -> ModelAnswer:
        """Sample one answer. Cancelling stops the work behind it. Raises SamplerUnavailableError."""
        ...

    async def unpaused(self) -> None:
        """Return when answers may be asked for."""
        ...

    def paused(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Let what is running come to its end; further requests for answers wait until the block is left."""
        ...

    async def load(self, checkpoint: Path) -> None:
        """Take in other weights of the same shapes; the engine must be paused. Raises SamplerUnavailableError."""
        ...

    async def add_adapter(self, folder: Path) -> Any:
        """Load an adapter and return what `answer` wants for it. Raises SamplerUnavailableError."""
        ...

    async def remove_adapter(self, adapter: Any) -> None:
        """Forget an adapter that nobody asks any more."""
        ...

    def stats(self) -> SamplerStats:
        """What it does and has done."""
        ...

    def collect(self) -> Iterator[Metric]:
        """vLLM's own metrics of it."""
        ...


Checking = Callable[[Scoring], Awaitable[None]]
"""Sees that a copy of an engine's weights is right. Raises WeightsError, SamplerUnavailableError."""


class Engines(Protocol):
    """Makes engines."""

    elsewhere: bool
    """Whether they take nothing of this machine."""

    async def open(self) -> None:
        """Before the first engine. Raises SamplerUnavailableError."""
        ...

    async def close(self) -> None:
        """Behind the last one."""
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
        """An engine; nothing of it is loaded yet.

        Args:
            name: of its checkpoint, in metrics and messages.
            checkpoint: a Hugging Face checkpoint.
            settings: of it alone.
            adapters: most adapters at once.
            rank: the largest of their ranks.
            changing: held while weights change.
            check: looks at a copy that comes later than the others.
        """
        ...
