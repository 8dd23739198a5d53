"""Hosts of a Ray cluster: every node with the resource `lean` gets one actor, which owns its pool.

The cluster is one domain of trust: who may join it may run what he likes on every host of it (docs/cluster.md).
"""

import asyncio
import contextlib
import os
import signal
import socket
import threading
from pathlib import Path
from typing import Any, TypeVar

from prover.lean.cluster.handle import Handle, MakePool
from prover.lean.cluster.host import Host
from prover.lean.cluster.questions import HostLostError, HostQuestion, HostState, Lending, Outcome
from prover.lean.workers.pool import PoolUnavailableError

T = TypeVar("T")

RESOURCE = "lean"
_CALLS_AT_ONCE = 10_000
_KNOCK_SECONDS = 10.0


class RayCluster:
    """A `Cluster` of Ray's."""

    def __init__(self, address: str, make_pool: MakePool, token: Path | None = None) -> None:
        """Nothing is asked yet.

        Args:
            address: `auto`, `HOST:PORT` or `ray://HOST:PORT`, as Ray takes it.
            make_pool: makes the pool of each host, there.
            token: file with what the cluster's members ask for; None: what Ray finds itself, in its variables and its folder.

        Raises:
            PoolUnavailableError: Ray is not installed.
        """
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is sent anywhere
        os.environ.update(with_token(token) if token else {})  # Ray reads them when it is imported
        try:
            import ray
        except ImportError:
            raise PoolUnavailableError("lean.cluster needs Ray: pip install 'leansieve[ray]'") from None
        self._ray: Any = ray
        self._address = address
        self._make_pool = make_pool
        self._joined = False
        self._names: dict[str, str] = {}

    async def connect(self) -> None:
        """See `Cluster.connect`."""
        if self._ray.is_initialized():
            return
        host, _, port = self._address.rpartition(":")
        try:
            if port.isdigit() and "/" not in host:  # Ray itself would try for minutes
                await asyncio.to_thread(_knock, host.strip("[]"), int(port))
            # Not in the main thread, where Ray would take the place of our handlers of signals.
            await asyncio.to_thread(
                self._ray.init,
                self._address,
                namespace="leansieve",
                log_to_driver=False,
                logging_level="ERROR",
            )
            _take_signals_back()
        except (OSError, RuntimeError, ValueError) as error:
            said = str(error).partition("\n")[0].rstrip(". ")
            raise PoolUnavailableError(
                f"no Ray cluster answers at {self._address} ({said}): `leansieve cluster up` starts one here; "
                "one that asks for a token needs lean.cluster_token"
            ) from None
        self._joined = True

    async def hosts(self) -> set[str]:
        """See `Cluster.hosts`."""
        try:
            nodes = await asyncio.to_thread(self._ray.nodes)
        except Exception as error:  # Ray raises what its client library for gRPC does
            raise HostLostError(f"Ray's head does not answer: {error}") from None
        offering = [node for node in nodes if node["Alive"] and node["Resources"].get(RESOURCE, 0) >= 1]
        # Several hosts may have one address, on one machine.
        self._names = {node["NodeID"]: f"{node['NodeManagerAddress']}-{node['NodeID'][:8]}" for node in offering}
        return set(self._names)

    async def taken(self) -> float:
        """How many units of the resource drivers have now. Raises as `hosts`."""
        try:
            there, free = await asyncio.to_thread(
                lambda: (self._ray.cluster_resources(), self._ray.available_resources())
            )
        except Exception as error:
            raise HostLostError(f"Ray's head does not answer: {error}") from None
        return float(there.get(RESOURCE, 0) - free.get(RESOURCE, 0))

    async def host(self, key: str) -> Handle:
        """See `Cluster.host`."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = {
            "num_cpus": 0,
            "resources": {RESOURCE: 1},
            "max_concurrency": _CALLS_AT_ONCE,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(key, soft=False),
        }
        actor = await asyncio.to_thread(self._ray.remote(Host).options(**options).remote, self._make_pool)
        return _RayHost(self._ray, self._names.get(key, key), actor)

    async def want(self, hosts: int) -> None:
        """See `Cluster.want`: Ray's autoscaler is told, where there is one."""
        from ray.autoscaler.sdk import request_resources

        try:
            await asyncio.to_thread(request_resources, bundles=[{RESOURCE: 1}] * hosts)
        except Exception as error:
            raise HostLostError(f"Ray's head does not answer: {error}") from None

    async def close(self) -> None:
        """See `Cluster.close`."""
        if self._joined:
            await asyncio.to_thread(self._ray.shutdown)


def _take_signals_back() -> None:
    """Ray prints a stack at SIGTERM before it lets this process handle it."""
    if threading.current_thread() is threading.main_thread() and (ours := signal.getsignal(signal.SIGTERM)) is not None:
        signal.signal(signal.SIGTERM, ours)


def with_token(file: Path) -> dict[str, str]:
    """Variables under which Ray shows the token in `file`, and asks others for it."""
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(file)}


def _knock(host: str, port: int) -> None:
    socket.create_connection((host, port), _KNOCK_SECONDS).close()


class _RayHost:
    """An actor as a `Handle`."""

    def __init__(self, ray: Any, name: str, actor: Any) -> None:
        self.name = name
        self._ray = ray
        self._actor = actor

    async def state(self) -> HostState:
        state: HostState = await self._answer(self._actor.state.remote())
        return state

    async def ask(self, number: int, question: HostQuestion, process: int = 0) -> Outcome:
        outcome: Outcome = await self._answer(self._actor.ask.remote(number, question, process))
        return outcome

    def cancel(self, number: int) -> None:
        self._actor.cancel.remote(number)

    async def lend(self, wanted: Lending) -> int:
        number: int = await self._answer(self._actor.lend.remote(wanted))
        return number

    async def take_back(self, process: int) -> None:
        await self._answer(self._actor.take_back.remote(process))

    async def close(self) -> None:
        await self._answer(self._actor.close.remote())

    def kill(self) -> None:
        with contextlib.suppress(Exception):  # it may be gone, and the cluster with it
            self._ray.kill(self._actor)

    async def _answer(self, reference: Any) -> Any:
        try:
            return await reference
        except (self._ray.exceptions.RayTaskError, self._ray.exceptions.UnserializableException):
            raise  # what the host itself raises; Ray cannot bring over what its constructor wants two arguments for
        except self._ray.exceptions.RayError as error:
            raise HostLostError(f"host {self.name} does not answer ({type(error).__name__})") from None
