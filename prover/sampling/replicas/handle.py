"""Interfaces to the cluster framework for replicas: Ray, and scripted replicas in tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from prometheus_client import Metric

from prover.sampling.replicas.replica import EngineFacts, MakeEngine
from prover.sampling.sampler import SamplerStats
from prover.sampling.serving import ModelAnswer, ModelRequest


class ReplicaHandle(Protocol):
    """A replica as the driver sees it: see `Replica`.

    Every method but `cancel` and `kill` raises HostLostError if the replica is gone, and SamplerUnavailableError for
    errors of its engine.
    """

    async def here(self) -> str:
        """Wait until it runs on a host, and return the host's name."""
        ...

    async def start(self) -> EngineFacts:
        """See `Replica.start`."""
        ...

    async def state(self) -> SamplerStats:
        """See `Replica.state`."""
        ...

    async def metrics(self) -> Sequence[Metric]:
        """See `Replica.metrics`."""
        ...

    async def answer(self, number: int, request: ModelRequest, adapter: int) -> ModelAnswer | None:
        """See `Replica.answer`. Cancelling the caller's task cancels nothing on the host."""
        ...

    def cancel(self, number: int) -> None:
        """See `Replica.cancel`; does not wait."""
        ...

    async def scores(self, tokens: Sequence[int], adapter: int) -> Sequence[float]:
        """See `Replica.scores`."""
        ...

    async def load(self, checkpoint: Path) -> None:
        """See `Replica.load`."""
        ...

    async def add_adapter(self, number: int, folder: Path) -> None:
        """See `Replica.add_adapter`."""
        ...

    async def remove_adapter(self, number: int) -> None:
        """See `Replica.remove_adapter`."""
        ...

    async def close(self) -> None:
        """End the replica's process."""
        ...

    def kill(self) -> None:
        """Kill the replica's process without notice."""
        ...


class Places(Protocol):
    """A source of replicas."""

    async def join(self) -> None:
        """Join the cluster. Raises SamplerUnavailableError if there is none; the text says what to do."""
        ...

    async def replica(self, make_engine: MakeEngine) -> ReplicaHandle:
        """Request a new replica, which may have to wait for a host. Raises HostLostError."""
        ...

    async def leave(self) -> None:
        """Leave the cluster."""
        ...
