"""Interfaces to the cluster framework: Ray, and scripted hosts in tests."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from prover.lean.cluster.questions import HostQuestion, HostState, Lending, Outcome
from prover.lean.workers.pool import WorkerPool

MakePool = Callable[[], WorkerPool]


class Handle(Protocol):
    """A host as the driver sees it. Every method but `cancel` and `kill` raises HostLostError if the host is gone."""

    @property
    def name(self) -> str:
        """The host's name in logs and metrics."""
        ...

    async def state(self) -> HostState:
        """See `Host.state`."""
        ...

    def ask(self, number: int, question: HostQuestion, process: int = 0) -> Awaitable[Outcome]:
        """See `Host.ask`. Cancelling the caller's task cancels nothing on the host."""
        ...

    def cancel(self, number: int) -> None:
        """See `Host.cancel`; does not wait."""
        ...

    async def lend(self, wanted: Lending) -> int:
        """See `Host.lend`. Also raises RuntimeUnavailableError."""
        ...

    async def take_back(self, process: int) -> None:
        """See `Host.take_back`."""
        ...

    async def close(self) -> None:
        """End the host's processes."""
        ...

    def kill(self) -> None:
        """Kill the host's process without notice."""
        ...


class Cluster(Protocol):
    """A source of hosts."""

    async def connect(self) -> None:
        """Join the cluster.

        Raises:
            PoolUnavailableError: there is no such cluster; the text says what to do.
        """
        ...

    async def hosts(self) -> set[str]:
        """Keys of the hosts available now. Raises HostLostError if the cluster itself does not answer."""
        ...

    async def host(self, key: str) -> Handle:
        """Start to use a host. Raises HostLostError."""
        ...

    async def want(self, hosts: int) -> None:
        """Ask the autoscaler for a number of hosts; it may provide fewer. Raises HostLostError."""
        ...

    async def close(self) -> None:
        """Leave the cluster."""
        ...
