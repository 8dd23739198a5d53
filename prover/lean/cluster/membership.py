"""Membership of hosts: they join, are polled, and are dropped when they no longer answer."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from prover.cluster.asking import HostLostError
from prover.lean.cluster.handle import Cluster
from prover.lean.cluster.placement.places import HostPlace
from prover.lean.cluster.placement.scaling import Scaling
from prover.lean.cluster.questions import HostState
from prover.lean.workers.pool import PoolUnavailableError
from prover.lean.workers.scheduling.retrying import SHUTTING_DOWN

_log = logging.getLogger(__name__)

_BEAT_SECONDS = 0.5
_MANY = 100  # hosts; beyond this number each is polled less often, to spare the driver
_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 5.0  # until a lost host that is still available is used again
_FIRST_SECONDS = 60.0  # for the process of a host to start
_OTHERS_SECONDS = 30.0  # for the remaining hosts, once one has a worker
_READY_SECONDS = 600.0  # for the first worker of all hosts
NO_HOST = "no host of the cluster offers the resource `lean`: `leansieve cluster up` starts one"


class Membership:
    """Keeps the list of hosts in use.

    Attributes:
        places: the hosts in use.
        lost: number of hosts lost so far.
        closed: whether `close` was called.
    """

    def __init__(
        self,
        cluster: Cluster,
        silence_seconds: float,
        host_changed: Callable[[HostPlace], None],
        host_lost: Callable[[HostPlace], None],
        scaling: Scaling | None,
        questions: Callable[[], int],
    ) -> None:
        """Create the membership; nothing is started.

        Args:
            cluster: source of hosts.
            silence_seconds: seconds without an answer after which a host counts as lost.
            host_changed: called when a host has reported its state.
            host_lost: called when a host was lost or released.
            scaling: decides the number of hosts to request from the cluster; None: none are requested.
            questions: returns the number of questions waiting or in progress.
        """
        self._cluster = cluster
        self._silence = silence_seconds
        self._host_changed = host_changed
        self._host_lost = host_lost
        self._scaling = scaling
        self._questions = questions
        self.places: list[HostPlace] = []
        self.lost = 0
        self.closed = False
        self._asked = 0
        self._refused: set[str] = set()
        self._again: dict[str, float] = {}  # when a lost host may be used again
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting: asyncio.Task[None] | None = None
        self._failure = ""

    def start(self) -> None:
        """Start to look for hosts."""
        self._connecting = asyncio.create_task(self._cluster.connect())
        self._run(self._look())

    async def ready(self) -> None:
        """Wait for the first worker of any host, then a while for the other hosts, because callers send as much as
        capacity allows.

        Raises:
            PoolUnavailableError: there is no cluster, no host or no Lean on any host; or the pool is closed.
        """
        assert self._connecting is not None
        await asyncio.shield(self._connecting)
        loop = asyncio.get_running_loop()
        until = loop.time() + _READY_SECONDS
        alone = until if self._scaling else loop.time() + _FIRST_SECONDS
        while not any(place.size for place in self.places):
            if self.closed:
                raise PoolUnavailableError(SHUTTING_DOWN)
            failures = [place.state.failure for place in self.places if place.state]
            if failures and len(failures) == len(self.places) and all(failures):
                raise PoolUnavailableError(failures[0])
            if loop.time() > (until if self.places else alone):
                raise PoolUnavailableError(self._failure or NO_HOST)
            await self.news()
        until = min(until, loop.time() + _OTHERS_SECONDS)
        while not all(place.settled for place in self.places) and loop.time() < until and not self.closed:
            await self.news()

    async def close(self) -> None:
        """End the processes on all hosts and leave the cluster."""
        self.closed = True
        self._news.set()
        places, self.places = self.places, []
        await asyncio.gather(*(_leave(place) for place in places))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        await self._cluster.close()

    def lose(self, place: HostPlace, why: str) -> None:
        """Drop a lost host."""
        if place.lost or self.closed:
            return
        self.lost += 1
        if place.state is None:
            self._failure = f"host {place.handle.name} {why}"
        _log.warning(
            "host %s is lost: it %s; %d questions are asked of others", place.handle.name, why, len(place.in_work)
        )
        self._end(place)
        place.handle.kill()

    async def news(self) -> None:
        """Wait until a host reports something, for at most a second."""
        self._news.clear()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LOOK_SECONDS):
                await self._news.wait()

    def _end(self, place: HostPlace) -> None:
        place.gone.set()
        self.places.remove(place)
        self._again[place.key] = asyncio.get_running_loop().time() + _AGAIN_SECONDS
        self._host_lost(place)
        self._news.set()

    async def _look(self) -> None:
        """Start to use newly available hosts."""
        assert self._connecting is not None
        await asyncio.wait([self._connecting])
        if self._connecting.exception() is not None:
            return
        while True:
            try:
                wanted = await self._scale()
                offered = await self._cluster.hosts()
                for key in offered - {place.key for place in self.places} - self._refused:
                    if self._again.get(key, 0.0) > asyncio.get_running_loop().time():
                        continue
                    if wanted and len(self.places) >= wanted:
                        break
                    handle = await self._cluster.host(key)
                    place = HostPlace(key, handle)
                    self.places.append(place)
                    self._run(self._watch(place))
                    _log.info("host %s joins", handle.name)
                for place in [place for place in self.places if place.key not in offered]:
                    self.lose(place, "left the cluster")
            except HostLostError as error:
                self._failure = str(error)
                _log.warning("the cluster does not answer: %s", error)
            except Exception:  # retried at the next look; no other task looks for hosts
                _log.exception("looking for hosts failed")
            for place in self.places:
                self._host_changed(place)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _scale(self) -> int:
        """Request the wanted number of hosts and release superfluous ones; 0: all available hosts are used."""
        if self._scaling is None:
            return 0
        live = [place for place in self.places if place.size]
        workers = sum(place.size for place in live)
        wanted = self._scaling.see(asyncio.get_running_loop().time(), self._questions(), len(live), workers)
        if wanted != self._asked:
            _log.info("requesting %d hosts from the cluster", wanted)
            await self._cluster.want(wanted)
            self._asked = wanted
        for place in [place for place in live if not place.in_work and not place.held][: max(0, len(live) - wanted)]:
            _log.info("host %s is given back", place.handle.name)
            self._end(place)
            self._run(_leave(place))
        return wanted

    async def _watch(self, place: HostPlace) -> None:
        """Poll a host's state repeatedly; drop the host when it does not answer."""
        while not place.lost:
            limit = self._silence if place.state else _FIRST_SECONDS
            try:
                # `asyncio.wait_for` loses a cancellation that arrives together with the answer.
                async with asyncio.timeout(limit):
                    state = await place.handle.state()
            except TimeoutError:
                hint = "" if place.state else "; another driver may have its resource `lean`"
                self.lose(place, f"has said nothing for {limit:g} s{hint}")
                return
            except HostLostError:
                self.lose(place, "is gone")
                return
            except Exception as error:  # an error of the host itself, for instance no pool can be made there
                self.lose(place, f"says: {error}".partition("\n")[0])
                return
            if not self._believe(place, state):
                return
            await asyncio.sleep(_BEAT_SECONDS * max(1.0, len(self.places) / _MANY))

    def _believe(self, place: HostPlace, state: HostState) -> bool:
        """Apply a host's report of its state. Returns whether the host stays in use."""
        if place.lost:
            return False
        if state.failure and (place.state is None or not place.state.failure):
            _log.error("no Lean worker comes up on host %s: %s", place.handle.name, state.failure)
        others = next((other.state.worker for other in self.places if other.state and other.state.worker), "")
        if state.worker and others and state.worker != others:
            self._refused.add(place.key)
            self.lose(place, f"has version {state.worker} of the worker, the others {others}")
            return False
        place.state = state
        self._news.set()
        self._host_changed(place)
        return True

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _leave(place: HostPlace) -> None:
    with contextlib.suppress(HostLostError, TimeoutError):
        async with asyncio.timeout(10.0):
            await place.handle.close()
    place.handle.kill()
