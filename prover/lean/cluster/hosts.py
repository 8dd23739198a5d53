"""The driver's queue for all hosts of a pool, with retries for questions whose host is lost."""

import asyncio
import contextlib
import itertools
import logging
from dataclasses import replace
from typing import Any, TypeVar

from prover.cluster.asking import HostLostError, unless_lost
from prover.lean.cluster.handle import Cluster
from prover.lean.cluster.membership import NO_HOST, Membership
from prover.lean.cluster.placement.places import HostPlace, HostRoom
from prover.lean.cluster.placement.scaling import Scaling
from prover.lean.cluster.questions import Busy, HostQuestion, Lending, Outcome
from prover.lean.cluster.recheck import Recheck
from prover.lean.workers.jobs import ImportSet, Job, JobQueue, PoolBusyError
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.retrying import MOST_DISTURBANCES, SHUTTING_DOWN
from prover.verdict import VerdictKind

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Hosts:
    """All hosts of a cluster that offer Lean. Questions in progress on a lost host are put to another one.

    Attributes:
        queue: waiting jobs.
        members: hosts in use.
        recheck: selects verdicts that another host repeats.
    """

    def __init__(
        self, cluster: Cluster, config: PoolConfig, silence_seconds: float, recheck: Recheck, scaling: Scaling | None
    ) -> None:
        """Create the queue; nothing is started.

        Args:
            cluster: source of hosts.
            config: limits of the queue.
            silence_seconds: seconds without an answer after which a host counts as lost.
            recheck: selects verdicts that another host repeats.
            scaling: decides the number of hosts to request from the cluster; None: none are requested.
        """
        self._config = config
        self.queue = JobQueue(config.max_queued, config.max_queued_bytes)
        self.members = Membership(
            cluster, silence_seconds, self._host_reported, self._host_lost, scaling, self._questions
        )
        self.recheck = recheck
        self._room = HostRoom()
        self._numbers = itertools.count(1)

    @property
    def places(self) -> list[HostPlace]:
        """The hosts in use."""
        return self.members.places

    @property
    def lost(self) -> int:
        """Number of hosts lost so far."""
        return self.members.lost

    async def close(self) -> None:
        """Fail waiting jobs, end the processes on all hosts and leave the cluster. Repeated calls have no effect."""
        if self.members.closed:
            return
        self.members.closed = True
        for job in (*self.queue.drain(), *(job for place in self.places for job in place.in_work.values())):
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
        await self.members.close()

    def push(self, job: Job[Any]) -> None:
        """Queue a job and dispatch as far as possible. Raises PoolBusyError."""
        if self.members.closed:
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
            return
        self.queue.push(job)
        self._dispatch()

    @property
    def lean_version(self) -> str:
        """Lean version, as reported by the first host; empty until then."""
        return next((place.state.lean for place in self.places if place.state and place.state.lean), "")

    @property
    def worker_version(self) -> str:
        """Worker version, as reported by the first host; empty until then."""
        return next((place.state.worker for place in self.places if place.state and place.state.worker), "")

    async def directly(self, place: HostPlace, process: int, question: HostQuestion) -> Outcome:
        """Put a question to a lent process. Cancelling the caller's task stops Lean there. Raises HostLostError."""
        number = next(self._numbers)
        asked = place.handle.ask(number, question, process)
        place.held += 1
        try:
            outcome = await unless_lost(asked, place.gone, place.handle.name, lambda: place.handle.cancel(number))
        except HostLostError:
            self.members.lose(place, "does not answer")
            raise
        finally:
            place.held -= 1
        place.answered += 1
        return replace(outcome, host=place.handle.name)

    async def lend(self, place: HostPlace, wanted: Lending) -> int:
        """Borrow a process from a host. Raises HostLostError, and RuntimeUnavailableError."""
        try:
            number = await place.handle.lend(wanted)
        except HostLostError:
            self.members.lose(place, "does not answer")
            raise
        place.held += 1
        return number

    async def take_back(self, place: HostPlace, process: int) -> None:
        """Return a lent process."""
        place.held -= 1
        if not place.lost:
            with contextlib.suppress(HostLostError):
                await place.handle.take_back(process)

    def emptiest(self, imports: ImportSet, but: str = "") -> HostPlace:
        """Return the host with most free capacity whose name is not `but`.

        Raises:
            HostLostError: there is none.
        """
        live = [place for place in self.places if place.size and place.handle.name != but]
        if not live:
            raise HostLostError(NO_HOST)
        return max(live, key=lambda place: (place.room / place.size, place.has(imports)))

    def _dispatch(self) -> None:
        now = asyncio.get_running_loop().time()
        while pair := self._room.next_pair(self.queue, now, self._config.switch_seconds):
            place, job = pair
            self.queue.take(job)
            number = next(self._numbers)
            place.in_work[number] = job
            self._room.moved(place)
            self._send(place, number, job)

    def _send(self, place: HostPlace, number: int, job: Job[Any]) -> None:
        """Send a job to a host.

        Uses callbacks because this happens for every check: a task per check took a third of the driver's time.
        """
        question = HostQuestion(job.request.op, job.request.body, job.imports, job.seconds, job.priority)
        answer = asyncio.ensure_future(place.handle.ask(number, question))
        answer.add_done_callback(lambda answer: self._answered(place, number, job, answer))
        job.future.add_done_callback(lambda _: self._withdraw_unless_done(place, number, answer))

    def _withdraw_unless_done(self, place: HostPlace, number: int, answer: asyncio.Future[Outcome]) -> None:
        """The caller has its answer or has left; in the latter case stop Lean.

        The worker counts as busy until it has stopped.
        """
        if not answer.done() and not place.lost:
            place.handle.cancel(number)

    def _answered(self, place: HostPlace, number: int, job: Job[Any], answer: asyncio.Future[Outcome]) -> None:
        error = None if answer.cancelled() else answer.exception()
        if place.lost or answer.cancelled():
            return  # its jobs are sent to other hosts
        if isinstance(error, HostLostError):
            self.members.lose(place, "does not answer")
            return
        del place.in_work[number]
        self._room.moved(place)
        if error is not None:
            _log.error("host %s failed inside", place.handle.name, exc_info=error)
            job.fail(VerdictKind.INFRASTRUCTURE, "the host failed inside")
        else:
            place.answered += 1
            self._settle(job, replace(answer.result(), host=place.handle.name))
        self._dispatch()

    def _settle(self, job: Job[Any], outcome: Outcome) -> None:
        job.charge(outcome.worked)
        if job.future.done():
            return
        if isinstance(outcome, Busy):
            job.refuse(PoolBusyError(outcome.text, outcome.seconds))
        else:
            job.wait(outcome.waited)
            job.future.set_result(outcome)

    def _host_reported(self, place: HostPlace) -> None:
        self._room.told(place)
        self._dispatch()

    def _host_lost(self, place: HostPlace) -> None:
        """Send a lost host's jobs to other hosts."""
        self._room.drop(place)
        jobs, place.in_work = list(place.in_work.values()), {}
        for job in jobs:
            if job.future.done():
                continue
            job.disturbances += 1
            if job.disturbances <= MOST_DISTURBANCES:
                self.queue.push(job)
            else:
                job.fail(VerdictKind.INFRASTRUCTURE, f"{job.disturbances} hosts were lost while they worked on this")
        self._dispatch()

    def _questions(self) -> int:
        return len(self.queue) + sum(len(place.in_work) for place in self.places)
