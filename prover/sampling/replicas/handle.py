"""The seams to whatever runs replicas: Ray, and scripted ones in tests."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from prometheus_client import Metric

from prover.sampling.replicas.replica import EngineFacts, MakeEngine
from prover.sampling.sampler import SamplerStats
from prover.sampling.serving import ModelAnswer, ModelRequest


class ReplicaHandle(Protocol):
    """A replica, seen from the driver: see `Replica`.

    Every method but `cancel` and `kill` raises HostLostError if the replica is gone, and SamplerUnavailableError for what its
    engine says.
    """

    async def here(self) -> str:
        """Wait until it has a place, and name its host."""
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
        """See `Replica.answer`. Cancelling the caller's task cancels nothing there."""
        ...

    def cancel(self, number: int) -> None:
        """See `Replica.cancel`; nothing is waited for."""
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
        """End what runs there."""
        ...

    def kill(self) -> None:
        """End it without asking it."""
        ...


class Places(Protocol):
    """Where replicas come from."""

    async def join(self) -> None:
        """Join the cluster. Raises SamplerUnavailableError: there is none; the text says what to do."""
        ...

    async def replica(self, make_engine: MakeEngine) -> ReplicaHandle:
        """Ask for a new replica; it may have to wait for a place. Raises HostLostError."""
        ...

    async def leave(self) -> None:
        """Leave the cluster."""
        ...
