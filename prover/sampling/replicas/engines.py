"""`ReplicatedEngines`: makes engines with replicas on hosts of a cluster."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from prover.sampling.replicas.engine import ReplicatedEngine
from prover.sampling.replicas.handle import Places
from prover.sampling.serving import Checking, ServingEngine
from prover.sampling.vllm.engine import ModelEngine
from prover.sampling.vllm.engine_settings import EngineSettings


class ReplicatedEngines:
    """`Engines` on hosts of a cluster."""

    elsewhere = True

    def __init__(
        self,
        places: Places,
        replicas: int,
        of: Mapping[str, int] | None = None,
        make: Callable[..., ServingEngine] = ModelEngine,
    ) -> None:
        """Create the factory; the cluster is not contacted.

        Args:
            places: source of replicas.
            replicas: number of replicas per checkpoint.
            of: number for single checkpoints, by name.
            make: makes a replica's engine, on its host.
        """
        self._places = places
        self._replicas = replicas
        self._of = of or {}
        self._make = make

    async def open(self) -> None:
        """See `Engines.open`."""
        await self._places.join()

    async def close(self) -> None:
        """See `Engines.close`."""
        await self._places.leave()

    def make(
        self,
        name: str,
        checkpoint: Path,
        settings: EngineSettings,
        adapters: int,
        rank: int,
        changing: asyncio.Lock,
        check: Checking,
    ) -> ReplicatedEngine:
        """See `Engines.make`."""
        replicas = self._of.get(name, self._replicas)
        return ReplicatedEngine(
            name, checkpoint, settings, adapters, rank, changing, check, self._places, replicas, self._make
        )
