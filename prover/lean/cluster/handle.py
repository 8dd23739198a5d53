"""The seams to whatever runs hosts: Ray, and scripted hosts in tests."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from prover.lean.cluster.questions import HostQuestion, HostState, Lending, Outcome
from prover.lean.workers.pool import WorkerPool

MakePool = Callable[[], WorkerPool]


class Handle(Protocol):
    """A host, seen from the driver. Every method but `cancel` and `kill` raises HostLostError if the host is gone."""

    @property
    def name(self) -> str:
        """For logs and metrics."""
        ...

    async def state(self) -> HostState:
        """See `Host.state`."""
        ...

    def ask(self, number: int, question: HostQuestion, process: int = 0) -> Awaitable[Outcome]:
        """See `Host.ask`. Cancelling the caller's task cancels nothing there."""
        ...

    def cancel(self, number: int) -> None:
        """See `Host.cancel`; nothing is waited for."""
        ...

    async def lend(self, wanted: Lending) -> int:
        """See `Host.lend`. Raises RuntimeUnavailableError, too."""
        ...

    async def take_back(self, process: int) -> None:
        """See `Host.take_back`."""
        ...

    async def close(self) -> None:
        """End what runs there."""
        ...

    def kill(self) -> None:
        """End it without asking it."""
        ...


class Cluster(Protocol):
    """Where hosts come from."""

    async def connect(self) -> None:
        """Join.

        Raises:
            PoolUnavailableError: there is no such cluster; the text says what to do.
        """
        ...

    async def hosts(self) -> set[str]:
        """Keys of the hosts that offer themselves now. Raises HostLostError if the cluster itself does not answer."""
        ...

    async def host(self, key: str) -> Handle:
        """Begin to use a host. Raises HostLostError."""
        ...

    async def want(self, hosts: int) -> None:
        """Ask whatever starts hosts for so many; it may have none or no more. Raises HostLostError."""
        ...

    async def close(self) -> None:
        """Leave."""
        ...
