"""Replicas as actors of a Ray cluster, on hosts with the resource `sampler`, and a GPU if required."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prometheus_client import Metric

from prover.cluster.asking import HostLostError
from prover.cluster.connection import ClusterAbsentError, RayConnection, RayMissingError
from prover.sampling.replicas.replica import EngineFacts, MakeEngine, Replica
from prover.sampling.sampler import SamplerStats, SamplerUnavailableError
from prover.sampling.serving import ModelAnswer, ModelRequest

RESOURCE = "sampler"
_CALLS_AT_ONCE = 10_000


class RayPlaces:
    """`Places` of a Ray cluster."""

    def __init__(self, address: str, gpus: float = 0.0, token: Path | None = None) -> None:
        """Create the client; nothing is contacted.

        Args:
            address: `auto`, `HOST:PORT` or `ray://HOST:PORT`, in Ray's format.
            gpus: number of GPUs per replica.
            token: file with the token that the cluster requires; None: Ray finds it.

        Raises:
            SamplerUnavailableError: Ray is not installed.
        """
        try:
            self._connection = RayConnection(address, token)
        except RayMissingError as error:
            raise SamplerUnavailableError(str(error)) from None
        self._gpus = gpus

    async def join(self) -> None:
        """See `Places.join`."""
        try:
            await self._connection.join()
        except ClusterAbsentError as error:
            raise SamplerUnavailableError(str(error)) from None

    async def replica(self, make_engine: MakeEngine) -> "_RayReplica":
        """See `Places.replica`."""
        options = {
            "num_cpus": 0,
            "num_gpus": self._gpus,
            "resources": {RESOURCE: 1},
            "max_concurrency": _CALLS_AT_ONCE,
            "scheduling_strategy": "SPREAD",
        }
        made = self._connection.ray.remote(ReplicaActor).options(**options)
        try:
            return _RayReplica(self._connection, await asyncio.to_thread(made.remote, make_engine))
        except Exception as error:  # Ray raises the errors of its gRPC client
            raise HostLostError(f"Ray's head does not answer: {error}") from None

    async def leave(self) -> None:
        """See `Places.leave`."""
        await self._connection.leave()


class ReplicaActor(Replica):
    """A `Replica` that knows its host in the cluster."""

    async def host(self) -> str:
        """Address of the host, with a suffix that distinguishes hosts of one address."""
        import ray

        context = ray.get_runtime_context()
        return f"{ray.util.get_node_ip_address()}-{context.get_node_id()[:8]}"


class _RayReplica:
    """An actor as a `ReplicaHandle`."""

    def __init__(self, connection: RayConnection, actor: Any) -> None:
        self._connection = connection
        self._actor = actor
        self._name = "of a replica"

    async def here(self) -> str:
        self._name = str(await self._answer(self._actor.host.remote()))
        return self._name

    async def start(self) -> EngineFacts:
        loaded: EngineFacts = await self._answer(self._actor.start.remote())
        return loaded

    async def state(self) -> SamplerStats:
        stats: SamplerStats = await self._answer(self._actor.state.remote())
        return stats

    async def metrics(self) -> Sequence[Metric]:
        metrics: Sequence[Metric] = await self._answer(self._actor.metrics.remote())
        return metrics

    async def answer(self, number: int, request: ModelRequest, adapter: int) -> ModelAnswer | None:
        answer: ModelAnswer | None = await self._answer(self._actor.answer.remote(number, request, adapter))
        return answer

    def cancel(self, number: int) -> None:
        self._actor.cancel.remote(number)

    async def scores(self, tokens: Sequence[int], adapter: int) -> Sequence[float]:
        scores: Sequence[float] = await self._answer(self._actor.scores.remote(tokens, adapter))
        return scores

    async def load(self, checkpoint: Path) -> None:
        await self._answer(self._actor.load.remote(checkpoint))

    async def add_adapter(self, number: int, folder: Path) -> None:
        await self._answer(self._actor.add_adapter.remote(number, folder))

    async def remove_adapter(self, number: int) -> None:
        await self._answer(self._actor.remove_adapter.remote(number))

    async def close(self) -> None:
        await self._answer(self._actor.close.remote())

    def kill(self) -> None:
        with contextlib.suppress(Exception):  # the actor and the cluster may be gone
            self._connection.ray.kill(self._actor)

    async def _answer(self, reference: Any) -> Any:
        return await self._connection.answer(reference, self._name)
