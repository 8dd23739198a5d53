"""Hosts of a Ray cluster: every node with the resource `lean` gets one actor, which owns its pool.

The cluster is one domain of trust: any member may run code on every host (docs/cluster.md).
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prover.cluster.asking import HostLostError
from prover.cluster.connection import ClusterAbsentError, RayConnection, RayMissingError
from prover.lean.cluster.handle import Handle, MakePool
from prover.lean.cluster.host import Host
from prover.lean.cluster.questions import HostQuestion, HostState, Lending, MissingAnswer, Outcome
from prover.lean.workers.pool import PoolUnavailableError
from prover.verdict import VerdictKind

_log = logging.getLogger(__name__)

RESOURCE = "lean"
_CALLS_AT_ONCE = 10_000


class RayCluster:
    """The `Cluster` interface for Ray."""

    def __init__(self, address: str, make_pool: MakePool, token: Path | None = None) -> None:
        """Create the client; nothing is connected.

        Args:
            address: Ray address, `auto`, `HOST:PORT` or `ray://HOST:PORT`, in Ray's format.
            make_pool: makes each host's pool, on the host.
            token: file with the token that the cluster requires; None: Ray finds it in its environment variables and
                folder.

        Raises:
            PoolUnavailableError: Ray is not installed.
        """
        try:
            self._connection = RayConnection(address, token)
        except RayMissingError as error:
            raise PoolUnavailableError(str(error)) from None
        self._ray = self._connection.ray
        self._make_pool = make_pool
        self._names: dict[str, str] = {}

    async def connect(self) -> None:
        """See `Cluster.connect`."""
        try:
            await self._connection.join()
        except ClusterAbsentError as error:
            raise PoolUnavailableError(str(error)) from None

    async def hosts(self) -> set[str]:
        """See `Cluster.hosts`."""
        try:
            nodes = await asyncio.to_thread(self._ray.nodes)
        except Exception as error:  # Ray raises the errors of its gRPC client
            raise HostLostError(f"Ray's head does not answer: {error}") from None
        offering = [node for node in nodes if node["Alive"] and node["Resources"].get(RESOURCE, 0) >= 1]
        # Several hosts may share an address if they run on one machine.
        self._names = {node["NodeID"]: f"{node['NodeManagerAddress']}-{node['NodeID'][:8]}" for node in offering}
        return set(self._names)

    async def units(self, resource: str = RESOURCE) -> tuple[float, float]:
        """Return the total number of units of a resource, and the number used by drivers. Raises as `hosts`."""
        try:
            total, free = await asyncio.to_thread(
                lambda: (self._ray.cluster_resources(), self._ray.available_resources())
            )
        except Exception as error:
            raise HostLostError(f"Ray's head does not answer: {error}") from None
        return float(total.get(resource, 0)), float(total.get(resource, 0) - free.get(resource, 0))

    async def host(self, key: str) -> Handle:
        """See `Cluster.host`."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        options = {
            "num_cpus": 0,
            "resources": {RESOURCE: 1},
            "max_concurrency": _CALLS_AT_ONCE,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(key, soft=False),
        }
        actor = await asyncio.to_thread(self._ray.remote(HostActor).options(**options).remote, self._make_pool)
        return _RayHost(self._connection, self._names.get(key, key), actor)

    async def want(self, hosts: int) -> None:
        """See `Cluster.want`; passed to Ray's autoscaler if there is one."""
        from ray.autoscaler.sdk import request_resources

        try:
            await asyncio.to_thread(request_resources, bundles=[{RESOURCE: 1}] * hosts)
        except Exception as error:
            raise HostLostError(f"Ray's head does not answer: {error}") from None

    async def close(self) -> None:
        """See `Cluster.close`."""
        await self._connection.leave()


class HostActor(Host):
    """A `Host` as an actor that takes and returns many questions per call: an actor call costs a driver as much as all
    its other work on a check.
    """

    def __init__(self, make_pool: MakePool) -> None:
        """See `Host`."""
        super().__init__(make_pool)
        self._answers: list[tuple[int, Outcome]] = []
        self._some = asyncio.Event()
        self._working: set[asyncio.Task[None]] = set()

    async def ask_all(self, questions: Sequence[tuple[int, HostQuestion, int]]) -> None:
        """Start to answer questions, each as in `ask`."""
        for each in questions:
            task = asyncio.create_task(self._work(*each))
            self._working.add(task)
            task.add_done_callback(self._working.discard)

    async def answers(self) -> Sequence[tuple[int, Outcome]]:
        """Return finished answers with the numbers of their questions; waits for one if there is none.

        One caller at a time.
        """
        await self._some.wait()
        self._some.clear()
        found, self._answers = self._answers, []
        return found

    async def _work(self, number: int, question: HostQuestion, process: int) -> None:
        outcome: Outcome
        try:
            outcome = await self.ask(number, question, process)
        except Exception as error:
            _log.exception("a question failed")
            outcome = MissingAnswer(VerdictKind.INFRASTRUCTURE, f"the host failed inside: {error}", 0.0)
        self._answers.append((number, outcome))
        self._some.set()


class _RayHost:
    """An actor as a `Handle`. Questions of one iteration of the event loop are sent in one call."""

    def __init__(self, connection: RayConnection, name: str, actor: Any) -> None:
        self.name = name
        self._connection = connection
        self._actor = actor
        self._unsent: list[tuple[int, HostQuestion, int]] = []
        self._waiting: dict[int, asyncio.Future[Outcome]] = {}
        self._collecting: asyncio.Task[None] | None = None

    async def state(self) -> HostState:
        state: HostState = await self._answer(self._actor.state.remote())
        return state

    def ask(self, number: int, question: HostQuestion, process: int = 0) -> asyncio.Future[Outcome]:
        loop = asyncio.get_running_loop()
        future = self._waiting[number] = loop.create_future()
        if not self._unsent:
            loop.call_soon(self._send)
        self._unsent.append((number, question, process))
        if self._collecting is None:
            self._collecting = asyncio.create_task(self._collect())
        return future

    def cancel(self, number: int) -> None:
        self._actor.cancel.remote(number)

    def _send(self) -> None:
        questions, self._unsent = self._unsent, []
        try:
            self._actor.ask_all.remote(questions)  # the task that collects answers sees a failure of this call
        except Exception as error:  # Ray raises the errors of its gRPC client
            self._fail(HostLostError(f"host {self.name} cannot be asked: {error}"))

    async def _collect(self) -> None:
        """Distribute answers while any are awaited."""
        try:
            while self._waiting:
                for number, outcome in await self._answer(self._actor.answers.remote()):
                    future = self._waiting.pop(number, None)
                    if future is not None and not future.done():
                        future.set_result(outcome)
        except Exception as error:
            self._fail(error)
        finally:
            self._collecting = None

    def _fail(self, error: Exception) -> None:
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(error)

    async def lend(self, wanted: Lending) -> int:
        number: int = await self._answer(self._actor.lend.remote(wanted))
        return number

    async def take_back(self, process: int) -> None:
        await self._answer(self._actor.take_back.remote(process))

    async def close(self) -> None:
        await self._answer(self._actor.close.remote())

    def kill(self) -> None:
        if self._collecting is not None:
            self._collecting.cancel()
        self._fail(HostLostError(f"host {self.name} is given up"))
        with contextlib.suppress(Exception):  # the actor and the cluster may be gone
            self._connection.ray.kill(self._actor)

    async def _answer(self, reference: Any) -> Any:
        return await self._connection.answer(reference, self.name)
