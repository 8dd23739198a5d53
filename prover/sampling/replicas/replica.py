"""What runs on a host: one engine, with a number for everything that is asked of it."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from prover.cluster.asking import Asked
from prover.sampling.sampler import SamplerStats
from prover.sampling.serving import ModelAnswer, ModelRequest, ServingEngine

MakeEngine = functools.partial[ServingEngine]
"""Makes an engine on its host, of the checkpoint that is its first argument."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """What an engine is, once it is there: see `Scoring`."""

    context: int
    precision: str


class Replica:
    """An engine for one driver. Lives in a process that ends with its driver's connection, and the engine with it."""

    def __init__(self, make_engine: MakeEngine) -> None:
        """Nothing is loaded yet."""
        self._engine = make_engine()
        self._adapters: dict[int, Any] = {}
        self._asked: Asked[ModelAnswer | None] = Asked()

    async def here(self) -> None:
        """Answer: this process has its place."""

    async def start(self) -> EngineFacts:
        """Load the checkpoint. Raises SamplerUnavailableError."""
        await self._engine.start()
        return EngineFacts(self._engine.context, self._engine.precision)

    async def state(self) -> SamplerStats:
        """What the engine does; also the sign of life that the driver waits for."""
        return self._engine.stats()

    async def metrics(self) -> Sequence[Metric]:
        """vLLM's own."""
        return list(self._engine.collect())

    async def answer(self, number: int, request: ModelRequest, adapter: int) -> ModelAnswer | None:
        """See `ServingEngine.answer`.

        Args:
            number: of the question, for `cancel`.
            request: what is asked.
            adapter: see `add_adapter`; 0: none.

        Returns:
            None if the question was cancelled.
        """
        return await self._asked.answer(number, self._engine.answer(request, self._adapters.get(adapter)), None)

    async def cancel(self, number: int) -> None:
        """Nobody waits for this answer any more: vLLM aborts it."""
        self._asked.cancel(number)

    async def scores(self, tokens: Sequence[int], adapter: int) -> Sequence[float]:
        """See `Scoring.scores`: those of this copy."""
        (found,) = await self._engine.scores(tokens, self._adapters.get(adapter))
        return found

    async def load(self, checkpoint: Path) -> None:
        """See `ServingEngine.load`; the driver lets nothing run meanwhile."""
        await self._engine.load(checkpoint)

    async def add_adapter(self, number: int, folder: Path) -> None:
        """Load an adapter, to be called by this number."""
        self._adapters[number] = await self._engine.add_adapter(folder)

    async def remove_adapter(self, number: int) -> None:
        """Forget an adapter."""
        await self._engine.remove_adapter(self._adapters.pop(number))

    async def close(self) -> None:
        """End the engine."""
        await self._engine.close()
