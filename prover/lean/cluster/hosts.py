"""The hosts of one pool, the queue in front of them, and what watches over them."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Coroutine
from typing import Any, TypeVar

from prover.lean.cluster.handle import Cluster
from prover.lean.cluster.places import HostPlace, next_pair
from prover.lean.cluster.questions import Busy, HostLostError, Lending, Outcome, Question
from prover.lean.workers.jobs import ImportSet, Job, JobQueue, PoolBusyError
from prover.lean.workers.pool import PoolUnavailableError
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.attempt import MOST_DISTURBANCES, SHUTTING_DOWN
from prover.verdict import VerdictKind

_log = logging.getLogger(__name__)

T = TypeVar("T")

_BEAT_SECONDS = 0.5
_LOOK_SECONDS = 1.0
_AGAIN_SECONDS = 5.0  # before a lost host that still offers itself is used again
_FIRST_SECONDS = 60.0  # for a host's process to come up
NO_HOST = "no host of the cluster offers the resource `lean`: `leansieve cluster up` starts one"


class Hosts:
    """All hosts of a cluster that offer Lean. What is in work on a host that is lost is asked again of another one.

    Attributes:
        queue: what waits.
        places: the hosts in use.
        lost: hosts given up so far.
        closed: whether it is over.
    """

    def __init__(self, cluster: Cluster, config: PoolConfig, silence_seconds: float) -> None:
        """Nothing is started yet.

        Args:
            cluster: where hosts come from.
            config: bounds of the queue.
            silence_seconds: after how long without a sign of life a host is given up.
        """
        self._cluster = cluster
        self._config = config
        self._silence = silence_seconds
        self.queue = JobQueue(config.max_queued, config.max_queued_bytes)
        self.places: list[HostPlace] = []
        self.lost = 0
        self.closed = False
        self._numbers = itertools.count(1)
        self._refused: set[str] = set()
        self._again: dict[str, float] = {}  # when a lost host may be used again
        self._news = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()
        self._connecting: asyncio.Task[None] | None = None
        self._failure = ""

    def start(self) -> None:
        """Begin to look for hosts."""
        self._connecting = asyncio.create_task(self._cluster.connect())
        self._run(self._look())

    async def ready(self, patience_seconds: float = 600.0) -> None:
        """Wait for the first worker of some host.

        Raises:
            PoolUnavailableError: there is no cluster, no host in it, or no Lean on any; or the pool is closed.
        """
        assert self._connecting is not None
        await asyncio.shield(self._connecting)
        loop = asyncio.get_running_loop()
        until = loop.time() + patience_seconds
        alone = loop.time() + _FIRST_SECONDS
        while not any(place.size for place in self.places):
            if self.closed:
                raise PoolUnavailableError(SHUTTING_DOWN)
            failures = [place.state.failure for place in self.places if place.state]
            if failures and len(failures) == len(self.places) and all(failures):
                raise PoolUnavailableError(failures[0])
            if loop.time() > (until if self.places else alone):
                raise PoolUnavailableError(self._failure or NO_HOST)
            self._news.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._news.wait(), _LOOK_SECONDS)

    async def close(self) -> None:
        """Fail what waits, end every host's process, leave the cluster. A second call changes nothing."""
        if self.closed:
            return
        self.closed = True
        self._news.set()
        for job in self.queue.drain():
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
        places, self.places = self.places, []
        await asyncio.gather(*(self._leave(place) for place in places))
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._connecting is not None:
            await asyncio.wait([self._connecting])
        await self._cluster.close()

    async def _leave(self, place: HostPlace) -> None:
        for job in place.in_work.values():
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
        with contextlib.suppress(HostLostError, TimeoutError):
            await asyncio.wait_for(place.handle.close(), 10.0)
        place.handle.kill()

    def push(self, job: Job[Any]) -> None:
        """Queue a job and hand out what can be handed out. Raises PoolBusyError."""
        if self.closed:
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
            return
        self.queue.push(job)
        self._dispatch()

    @property
    def lean_version(self) -> str:
        """Of the first host that has told; empty until then."""
        return next((place.state.lean for place in self.places if place.state and place.state.lean), "")

    @property
    def worker_version(self) -> str:
        """Of the first host that has told; empty until then."""
        return next((place.state.worker for place in self.places if place.state and place.state.worker), "")

    async def directly(self, place: HostPlace, process: int, question: Question) -> Outcome:
        """Ask a process that was lent. Cancelling the caller's task stops Lean there. Raises HostLostError."""
        number = next(self._numbers)
        answer = asyncio.ensure_future(place.handle.ask(number, question, process))
        gone = asyncio.ensure_future(place.gone.wait())
        try:
            await asyncio.wait({answer, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise HostLostError(f"host {place.handle.name} is lost")
            return answer.result()
        except HostLostError:
            self._lose(place, "does not answer")
            raise
        except asyncio.CancelledError:
            if not place.lost:
                place.handle.cancel(number)
            raise
        finally:
            answer.cancel()
            gone.cancel()

    async def lend(self, place: HostPlace, wanted: Lending) -> int:
        """Have a host lend a process. Raises HostLostError, and RuntimeUnavailableError."""
        try:
            return await place.handle.lend(wanted)
        except HostLostError:
            self._lose(place, "does not answer")
            raise

    def emptiest(self, imports: ImportSet) -> HostPlace:
        """The host for a process of a client's own.

        Raises:
            HostLostError: there is none.
        """
        live = [place for place in self.places if place.size]
        if not live:
            raise HostLostError(NO_HOST)
        return max(live, key=lambda place: (place.room / place.size, imports in place.imports))

    def _dispatch(self) -> None:
        now = asyncio.get_running_loop().time()
        while pair := next_pair(self.places, self.queue, now, self._config.switch_seconds):
            place, job = pair
            self.queue.take(job)
            number = next(self._numbers)
            place.in_work[number] = job
            self._run(self._send(place, number, job))

    async def _send(self, place: HostPlace, number: int, job: Job[Any]) -> None:
        """Have a host answer a job. Ends early when the caller goes: then Lean is told to stop there."""
        question = Question(job.request.op, job.request.body, job.imports, job.seconds, job.priority)
        answer = asyncio.ensure_future(place.handle.ask(number, question))
        try:
            await asyncio.wait({answer, job.future}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                if not place.lost:
                    place.handle.cancel(number)
                await answer  # its worker is not free before
                return
            outcome = answer.result()
        except HostLostError:
            self._lose(place, "does not answer")
            return
        except Exception:
            _log.exception("host %s failed inside", place.handle.name)
            job.fail(VerdictKind.INFRASTRUCTURE, "the host failed inside")
            return
        finally:
            answer.cancel()
            if place.in_work.pop(number, None):
                self._dispatch()
        self._settle(job, outcome)

    def _settle(self, job: Job[Any], outcome: Outcome) -> None:
        job.charge(outcome.worked)
        if job.future.done():
            return
        if isinstance(outcome, Busy):
            job.refuse(PoolBusyError(outcome.text, outcome.seconds))
        else:
            job.wait(outcome.waited)
            job.future.set_result(outcome)

    def _lose(self, place: HostPlace, why: str) -> None:
        """Give a host up, and ask others what it was asked."""
        if place.lost or self.closed:
            return
        place.gone.set()
        self.lost += 1
        self.places.remove(place)
        self._again[place.key] = asyncio.get_running_loop().time() + _AGAIN_SECONDS
        _log.warning(
            "host %s is lost: it %s; %d checks are asked of others", place.handle.name, why, len(place.in_work)
        )
        jobs, place.in_work = list(place.in_work.values()), {}
        for job in jobs:
            if job.future.done():
                continue
            job.disturbances += 1
            if job.disturbances <= MOST_DISTURBANCES:
                self.queue.push(job)
            else:
                job.fail(VerdictKind.INFRASTRUCTURE, f"{job.disturbances} hosts were lost while they worked on this")
        place.handle.kill()
        self._news.set()
        self._dispatch()

    async def _look(self) -> None:
        """Begin to use hosts that offer themselves."""
        assert self._connecting is not None
        await asyncio.wait([self._connecting])
        if self._connecting.exception() is not None:
            return
        while True:
            try:
                offered = await self._cluster.hosts()
                for key in offered - {place.key for place in self.places} - self._refused:
                    if self._again.get(key, 0.0) > asyncio.get_running_loop().time():
                        continue
                    handle = await self._cluster.host(key)
                    place = HostPlace(key, handle)
                    self.places.append(place)
                    self._run(self._watch(place))
                    _log.info("host %s joins", handle.name)
                for place in [place for place in self.places if place.key not in offered]:
                    self._lose(place, "left the cluster")
            except HostLostError as error:
                self._failure = str(error)
                _log.warning("the cluster does not answer: %s", error)
            except Exception:  # the next look may succeed, and nobody else looks
                _log.exception("looking for hosts failed")
            self._dispatch()
            await asyncio.sleep(_LOOK_SECONDS)

    async def _watch(self, place: HostPlace) -> None:
        """Ask a host again and again how it is; give it up when it says nothing."""
        while not place.lost:
            limit = self._silence if place.state else _FIRST_SECONDS
            try:
                state = await asyncio.wait_for(place.handle.state(), limit)
            except TimeoutError:
                self._lose(place, f"has said nothing for {limit:g} s")
                return
            except HostLostError:
                self._lose(place, "is gone")
                return
            except Exception as error:  # of its own: no pool can be made there, for instance
                self._lose(place, f"says: {error}".partition("\n")[0])
                return
            if state.failure and (place.state is None or not place.state.failure):
                _log.error("no Lean worker comes up on host %s: %s", place.handle.name, state.failure)
            if state.worker and (version := self.worker_version) and state.worker != version:
                self._refused.add(place.key)
                self._lose(place, f"has version {state.worker} of the worker, the others {version}")
                return
            place.state = state
            self._news.set()
            self._dispatch()
            await asyncio.sleep(_BEAT_SECONDS)

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
