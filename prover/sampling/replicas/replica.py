"""The process on a host that holds one engine and numbers its requests."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from prover.cluster.asking import OpenQuestions
from prover.sampling.sampler import SamplerStats
from prover.sampling.serving import ModelAnswer, ModelRequest, ServingEngine

MakeEngine = functools.partial[ServingEngine]
"""Makes an engine on its host from the checkpoint in its first argument."""


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """Properties of a loaded engine: see `Scoring`."""

    context: int
    precision: str


class Replica:
    """An engine for one driver. Its process ends with the driver's connection, and so does the engine."""

    def __init__(self, make_engine: MakeEngine) -> None:
        """Create the replica; nothing is loaded."""
        self._engine = make_engine()
        self._adapters: dict[int, Any] = {}
        self._asked: OpenQuestions[ModelAnswer | None] = OpenQuestions()

    async def here(self) -> None:
        """Return at once: the process is placed on a host."""

    async def start(self) -> EngineFacts:
        """Load the checkpoint. Raises SamplerUnavailableError."""
        await self._engine.start()
        return EngineFacts(self._engine.context, self._engine.precision)

    async def state(self) -> SamplerStats:
        """Return the engine's statistics; this is also the sign of life that the driver waits for."""
        return self._engine.stats()

    async def metrics(self) -> Sequence[Metric]:
        """Return vLLM's own metrics."""
        return list(self._engine.collect())

    async def answer(self, number: int, request: ModelRequest, adapter: int) -> ModelAnswer | None:
        """See `ServingEngine.answer`.

        Args:
            number: identifies the request for `cancel`.
            request: the request.
            adapter: see `add_adapter`; 0: none.

        Returns:
            None if the request was cancelled.
        """
        return await self._asked.answer(number, self._engine.answer(request, self._adapters.get(adapter)), None)

    async def cancel(self, number: int) -> None:
        """Cancel a request: vLLM aborts it."""
        self._asked.cancel(number)

    async def scores(self, tokens: Sequence[int], adapter: int) -> Sequence[float]:
        """See `Scoring.scores`, for this copy."""
        (found,) = await self._engine.scores(tokens, self._adapters.get(adapter))
        return found

    async def load(self, checkpoint: Path) -> None:
        """See `ServingEngine.load`; the driver ensures that no request runs meanwhile."""
        await self._engine.load(checkpoint)

    async def add_adapter(self, number: int, folder: Path) -> None:
        """Load an adapter under this number."""
        self._adapters[number] = await self._engine.add_adapter(folder)

    async def remove_adapter(self, number: int) -> None:
        """Unload an adapter."""
        await self._engine.remove_adapter(self._adapters.pop(number))

    async def close(self) -> None:
        """End the engine."""
        await self._engine.close()
