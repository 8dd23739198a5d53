"""Whether this server can prove: told to gRPC's health service, and found out again and again."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog
from grpc_health.v1 import health, health_pb2

from prover.errors import UserError
from prover.lean.workers.stats import PoolStats, State
from prover.store.database import Database
from service.contract.methods import SERVICES
from service.ops.config import ServerSettings

_log = structlog.get_logger(__name__)

_LOOK_SECONDS = 1.0


class Proving(Protocol):
    """What is watched: `Engine`."""

    def stats(self) -> PoolStats:
        """What its workers do."""
        ...

    async def self_check(self) -> None:
        """Check a small proof; raises UserError if that fails."""
        ...


class Health:
    """The health service: NOT_SERVING until told otherwise.

    Attributes:
        serving: what it tells.
        lag_seconds: how much later than it should a waiting task was woken, when last looked at.
    """

    def __init__(self) -> None:
        """Not serving."""
        self.servicer = health.aio.HealthServicer()
        self.serving = False
        self.lag_seconds = 0.0

    async def report(self, serving: bool) -> None:
        """Tell those who ask for the server and for a service of the contract."""
        self.serving = serving
        state = health_pb2.HealthCheckResponse
        for name in ("", *SERVICES):
            await self.servicer.set(name, state.SERVING if serving else state.NOT_SERVING)

    async def shut_down(self) -> None:
        """NOT_SERVING for good, whatever is reported later."""
        self.serving = False
        await self.servicer.enter_graceful_shutdown()

    async def watch(self, engine: Proving, patience_seconds: float) -> None:
        """Report NOT_SERVING when no Lean worker was there for that long, and SERVING once a proof was checked again.

        Runs until it is cancelled; health was reported SERVING before.
        """
        loop = asyncio.get_running_loop()
        last_seen = loop.time()
        while True:
            wake = loop.time() + min(_LOOK_SECONDS, max(0.05, patience_seconds))
            await asyncio.sleep(wake - loop.time())
            now = loop.time()
            self.lag_seconds = now - wake
            stats = engine.stats()
            if stats.in_state(State.IDLE) + stats.in_state(State.BUSY):
                last_seen = now
                if not self.serving and await _proves(engine):
                    _log.info("Lean workers are back: serving again")
                    await self.report(serving=True)
            elif self.serving and now - last_seen >= patience_seconds:
                _log.error("no Lean worker is left: not serving until one is back")
                await self.report(serving=False)


async def _proves(engine: Proving) -> bool:
    try:
        await engine.self_check()
    except UserError as error:
        _log.warning("Lean workers are back, but a proof could not be checked", error=str(error))
        return False
    return True


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """One thing that a server needs to be ready.

    Attributes:
        holds: whether it is there; asked from other threads.
        good, bad: what is said then.
    """

    holds: Callable[[], bool]
    good: str
    bad: str


def readiness(settings: ServerSettings, health: Health, database: Database | None) -> dict[str, HealthCheck]:
    """What `/readyz` looks at, by name: Lean, and the store if there is one."""
    checks = {"lean": HealthCheck(lambda: health.serving, "a proof was checked", "no proof can be checked now")}
    if database is not None:

        def answers() -> bool:
            since = database.failing_since
            return since is None or time.monotonic() - since < settings.unhealthy_seconds

        checks["store"] = HealthCheck(answers, "the store answers", "the store does not answer")
    return checks
