"""The seat of one replica: its occupant is monitored, and replaced when it no longer answers."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Sequence

from prometheus_client import Metric

from prover.cluster.asking import HostLostError
from prover.sampling.replicas.handle import Places, ReplicaHandle
from prover.sampling.replicas.replica import EngineFacts, MakeEngine
from prover.sampling.sampler import SamplerStats, SamplerUnavailableError
from prover.sampling.weights import WeightsError

_log = logging.getLogger(__name__)

_BEAT_SECONDS = 0.5
_SILENCE_SECONDS = 10.0  # seconds without an answer
_STALL_SECONDS = 120.0  # without a token, while requests are in progress
_METRICS_SECONDS = 15.0
_PLACE_SECONDS = 60.0
_START_SECONDS = 1800.0  # allows for large weights on a slow disk
_AGAIN_SECONDS, _LATEST_SECONDS = 2.0, 60.0  # before a lost replica is replaced: at first, and after many attempts


class Seat:
    """A seat for one replica at a time.

    Attributes:
        number: number of the seat; it stays when the replica changes.
        handle: the replica.
        gone: set when the replica is given up.
        live: whether it answers.
        host: its host; empty until it has one.
        in_work: number of requests in progress.
        problem: reason why it is not live, if known.
        stats, metrics: as last reported.
    """

    handle: ReplicaHandle

    def __init__(
        self,
        number: int,
        places: Places,
        changed: Callable[["Seat", bool], None],
    ) -> None:
        """Create the seat; nothing is started.

        Args:
            number: number of the seat.
            places: source of replicas.
            changed: called when the replica has become live, or (False) no longer is.
        """
        self.number = number
        self._places = places
        self._changed = changed
        self.gone = asyncio.Event()
        self.live = False
        self.host = ""
        self.in_work = 0
        self.problem = ""
        self.stats = SamplerStats()
        self.metrics: Sequence[Metric] = ()
        self._task: asyncio.Task[None] | None = None

    def take(
        self, make: Callable[[], MakeEngine], join: Callable[["Seat", EngineFacts, MakeEngine], Awaitable[None]]
    ) -> None:
        """Keep a replica in this seat from now on; returns at once.

        Args:
            make: returns the function that makes the next replica's engine.
            join: brings a loaded replica to the wanted state. Raises HostLostError, SamplerUnavailableError,
                WeightsError.
        """
        self._task = asyncio.create_task(self._keep(make, join))

    async def leave(self) -> None:
        """End the replica and start no other."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.wait([self._task])
        self._task = None
        self.live = False
        if hasattr(self, "handle") and not self.gone.is_set():
            with contextlib.suppress(HostLostError, SamplerUnavailableError, TimeoutError):
                async with asyncio.timeout(10.0 if self.host else 0.0):  # a replica without a host does not answer
                    await self.handle.close()
            self.gone.set()
            self.handle.kill()

    def lose(self, gone: asyncio.Event, why: str) -> None:
        """Give a replica up.

        Args:
            gone: event of the replica to give up; the seat may hold another one by now.
            why: reason for logs and status.
        """
        if gone is not self.gone or gone.is_set() or self._task is None:
            return
        _log.warning("replica %d on host %s is given up: %s", self.number, self.host or "(none)", why)
        was_live, self.live, self.problem = self.live, False, why
        gone.set()
        if hasattr(self, "handle"):
            self.handle.kill()
        if was_live:
            self._changed(self, False)

    async def _keep(
        self, make: Callable[[], MakeEngine], join: Callable[["Seat", EngineFacts, MakeEngine], Awaitable[None]]
    ) -> None:
        rest = _AGAIN_SECONDS
        while True:
            gone = self.gone = asyncio.Event()
            self.in_work, self.host, self.stats, self.metrics = 0, "", SamplerStats(), ()
            try:
                await self._come_up(make(), join)
                rest = _AGAIN_SECONDS
                await self._watch(gone)
            except (HostLostError, SamplerUnavailableError, WeightsError) as error:
                self.lose(gone, str(error))
            except Exception as error:  # no other task would replace it
                _log.exception("replica %d failed", self.number)
                self.lose(gone, str(error))
            await asyncio.sleep(rest)
            rest = min(2 * rest, _LATEST_SECONDS)

    async def _come_up(
        self, make_engine: MakeEngine, join: Callable[["Seat", EngineFacts, MakeEngine], Awaitable[None]]
    ) -> None:
        self.handle = await self._places.replica(make_engine)
        try:
            async with asyncio.timeout(_PLACE_SECONDS):
                self.host = await self.handle.here()
        except TimeoutError:
            raise HostLostError("no host of the cluster has room for it (resource `sampler`, GPUs)") from None
        try:
            async with asyncio.timeout(_START_SECONDS):
                loaded = await self.handle.start()
        except TimeoutError:
            raise HostLostError(f"its model is not loaded after {_START_SECONDS:g} s") from None
        await join(self, loaded, make_engine)
        self.live, self.problem = True, ""
        self._changed(self, True)
        _log.info("replica %d is up on host %s", self.number, self.host)

    async def _watch(self, gone: asyncio.Event) -> None:
        """Poll the replica until it is given up. Raises HostLostError."""
        clock = asyncio.get_running_loop().time
        moved, told = clock(), 0.0
        while not gone.is_set():
            try:
                async with asyncio.timeout(_SILENCE_SECONDS):
                    stats = await self.handle.state()
                    if clock() >= told + _METRICS_SECONDS:
                        self.metrics, told = await self.handle.metrics(), clock()
            except TimeoutError:
                raise HostLostError(f"it has said nothing for {_SILENCE_SECONDS:g} s") from None
            if stats.sampled_tokens != self.stats.sampled_tokens or not self.in_work:
                moved = clock()
            elif clock() > moved + _STALL_SECONDS:
                raise HostLostError(f"it has sampled nothing for {_STALL_SECONDS:g} s")
            self.stats = stats
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_BEAT_SECONDS):
                    await gone.wait()
