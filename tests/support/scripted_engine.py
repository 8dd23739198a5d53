"""An engine without vLLM, for faults of the processes around it: it waits, and answers by rule."""

import asyncio
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from prover.sampling.pause import Pause
from prover.sampling.sampler import ReplicaStatus, SamplerStats, SamplerUnavailableError
from prover.sampling.serving import ModelAnswer, ModelRequest
from prover.sampling.vllm.engine_settings import EngineSettings

DEADLY = 666
"""A seed at which the engine dies."""


class ScriptedEngine:
    """A `ServingEngine`.

    A request takes `max_tokens` milliseconds. The answer's text has the name of the checkpoint, the adapter's if there is one, the seed and the id
    of the process, with blanks between.
    """

    heals = False
    copies = 1
    replicas: tuple[ReplicaStatus, ...] = ()
    tokenizer: Any = None
    context, precision, longest_token, largest_rank = 256, "float32", 10, 8

    def __init__(self, name: str, checkpoint: Path, settings: EngineSettings, adapters: int = 0, rank: int = 8) -> None:
        self.name, self.checkpoint, self.most_adapters = name, checkpoint, adapters
        self.dead = False
        self._pause = Pause()
        self._stats = SamplerStats()

    async def start(self) -> None:
        if self.checkpoint.name == "broken":
            raise SamplerUnavailableError("these weights cannot be read")

    async def close(self) -> None:
        pass

    async def answer(self, request: ModelRequest, adapter: Any = None) -> ModelAnswer:
        self._count(running=1)
        try:
            if request.seed == DEADLY:
                raise SamplerUnavailableError("the engine has died")
            await asyncio.sleep(request.max_tokens / 1000)
        except BaseException:
            self._count(running=-1, aborted=1)
            raise
        self._count(running=-1, finished=1, sampled_tokens=1, delivered_tokens=1)
        parts = [self.checkpoint.name, *([str(adapter)] if adapter else []), request.seed, os.getpid()]
        return ModelAnswer(" ".join(map(str, parts)), (1,), -1.0)

    async def scores(self, tokens: Sequence[int], adapter: Any = None) -> Sequence[Sequence[float]]:
        return [[-float(len(self.checkpoint.name))] * (len(tokens) - 1)]

    async def unpaused(self) -> None:
        await self._pause.opened()

    def paused(self) -> contextlib.AbstractAsyncContextManager[None]:
        return self._pause.paused()

    async def load(self, checkpoint: Path) -> None:
        if checkpoint.name == "broken":
            raise SamplerUnavailableError("these weights cannot be read")
        self.checkpoint = checkpoint

    async def add_adapter(self, folder: Path) -> Any:
        return folder.name

    async def remove_adapter(self, adapter: Any) -> None:
        pass

    def stats(self) -> SamplerStats:
        return self._stats

    def collect(self) -> Iterator[Metric]:
        metric = Metric("vllm:scripted", "Always 1.", "gauge")
        metric.add_sample("vllm:scripted", {"model_name": self.name}, 1.0)
        yield metric

    def _count(self, **more: int) -> None:
        self._stats = replace(self._stats, **{name: getattr(self._stats, name) + n for name, n in more.items()})
