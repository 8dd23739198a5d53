"""Whether this server can prove: determined periodically, and reported to gRPC's health service."""

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
    """The monitored part of an engine; `Engine` implements it."""

    def stats(self) -> PoolStats:
        """Return statistics of its workers."""
        ...

    async def self_check(self) -> None:
        """Check a small test proof; raises UserError if that fails."""
        ...


class Health:
    """The health service, initially NOT_SERVING.

    Attributes:
        serving: the reported state.
        lag_seconds: delay of the event loop at the last measurement.
    """

    def __init__(self) -> None:
        """Start as not serving."""
        self.servicer = health.aio.HealthServicer()
        self.serving = False
        self.lag_seconds = 0.0

    async def report(self, serving: bool) -> None:
        """Set the state of the server and of each service of the contract."""
        self.serving = serving
        state = health_pb2.HealthCheckResponse
        for name in ("", *SERVICES):
            await self.servicer.set(name, state.SERVING if serving else state.NOT_SERVING)

    async def shut_down(self) -> None:
        """Report NOT_SERVING for good, whatever is set later."""
        self.serving = False
        await self.servicer.enter_graceful_shutdown()

    async def watch(self, engine: Proving, patience_seconds: float) -> None:
        """Report NOT_SERVING when there was no Lean worker for that long, and SERVING after a test proof was checked
        again.

        Runs until it is cancelled; health must be SERVING before.
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
    """A condition of readiness.

    Attributes:
        holds: returns whether it is met; called from other threads.
        good, bad: messages for both cases.
    """

    holds: Callable[[], bool]
    good: str
    bad: str


def readiness(settings: ServerSettings, health: Health, database: Database | None) -> dict[str, HealthCheck]:
    """Return the checks of `/readyz`, by name: Lean, and the store if there is one."""
    checks = {"lean": HealthCheck(lambda: health.serving, "a proof was checked", "no proof can be checked now")}
    if database is not None:

        def answers() -> bool:
            since = database.failing_since
            return since is None or time.monotonic() - since < settings.unhealthy_seconds

        checks["store"] = HealthCheck(answers, "the store answers", "the store does not answer")
    return checks
