"""One slot of a pool: starts a worker, gives it jobs, and replaces it when it ends."""

import asyncio
import logging
from typing import Any, Protocol

from prover.lean.processes.ending import End, HeaderRejectedError, WorkerEndedError, WorkerStartError
from prover.lean.processes.process import WorkerProcess
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.checks import NoAnswerError
from prover.lean.wire.lines import AnswerError, ProtocolError, accepted
from prover.lean.workers.jobs import Charge, ImportSet, Job
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.retrying import SHUTTING_DOWN, Ended, after_end
from prover.lean.workers.scheduling.scheduler import Scheduler
from prover.lean.workers.stats import State, Tally, WorkerStats
from prover.verdict import VerdictKind

_log = logging.getLogger(__name__)

_LONGEST_PAUSE_SECONDS = 30.0


class SlotHost(Protocol):
    """The interface through which a slot reports to its pool."""

    config: PoolConfig
    tally: Tally

    @property
    def imports(self) -> ImportSet:
        """Default imports of workers."""
        ...

    async def start_worker(self, imports: ImportSet) -> WorkerProcess:
        """Start a worker that has loaded these imports.

        Raises:
            HeaderRejectedError: they cannot be loaded.
            WorkerStartError: no worker came up.
        """
        ...

    def worker_started(self) -> None:
        """Report that a worker is up and can take a job."""
        ...

    def reject(self, imports: ImportSet, reason: str) -> None:
        """Refuse requests for imports that cannot be loaded."""
        ...

    def start_failed(self, slot: "WorkerSlot", reason: str, final: bool) -> None:
        """Report that no worker started in a slot; `final` if a retry failed, too."""
        ...


class WorkerSlot:
    """A slot for one worker. `run` covers its whole life; the scheduler calls `give` and `dismiss` while it is idle."""

    def __init__(
        self, host: SlotHost, scheduler: Scheduler, imports: ImportSet, charges: tuple[Charge, ...] = ()
    ) -> None:
        """Create a slot whose workers load `imports` and take jobs of `scheduler`; `charges` as in `dismiss`."""
        self._host = host
        self._scheduler = scheduler
        self._orders: asyncio.Future[Job[Any] | End] | None = None
        self._failures = 0
        self._charges = charges
        self.worker: WorkerProcess | None = None
        self.imports = imports
        self.state = State.STARTING
        self._idle_since: float | None = None
        self.up_since = 0.0

    @property
    def busy(self) -> bool:
        """Whether it has a job."""
        return self.state is State.BUSY

    @property
    def idle_since(self) -> float | None:
        """Loop time at which its worker became idle; None if it is not."""
        return self._idle_since if self.worker is not None and self.worker.usable else None

    @property
    def live(self) -> bool:
        """Whether its worker is running."""
        return self.state in (State.IDLE, State.BUSY)

    @property
    def fresh(self) -> bool:
        """Whether its worker has served no request yet."""
        return self.worker is not None and self.worker.served == 0

    @property
    def stats(self) -> WorkerStats:
        """A snapshot."""
        worker = self.worker
        if worker is None:
            return WorkerStats(self.state, None, self.imports, 0, 0)
        return WorkerStats(self.state, worker.pid, self.imports, worker.served, worker.memory_bytes)

    def give(self, job: Job[Any]) -> None:
        """Give a job to the idle worker."""
        self._order(job, State.BUSY)

    def dismiss(self, end: End, imports: ImportSet | None = None, *charges: Charge) -> WorkerProcess:
        """Replace the idle worker, with other imports if given. With `ISOLATED` the caller takes it over.

        Args:
            end: the reason.
            imports: imports of the next worker.
            charges: receive the seconds of its start.
        """
        assert self.worker is not None
        worker = self.worker
        if end is End.ISOLATED:
            self.worker = None
        self.imports = imports or self.imports
        self._charges = charges
        self._order(end, State.STARTING)
        return worker

    async def run(self) -> None:
        """Keep a worker in this slot until the task is cancelled; then no process remains."""
        try:
            while True:
                try:
                    await self._round()
                except Exception as error:  # an error of this program costs a worker and its job, but not the slot
                    _log.exception("the place of a Lean worker broke")
                    await self._clear("the checker failed inside")
                    await self._failed(f"the checker failed inside: {type(error).__name__}: {error}")
        finally:
            await self._clear(SHUTTING_DOWN)

    async def _round(self) -> None:
        """Run one worker from its start to its end."""
        if self.worker is None and not await self._start():
            return
        self._host.tally.ends[await self._serve()] += 1
        if self.worker:
            await self.worker.close()
            self.worker = None

    async def _clear(self, reason: str) -> None:
        """End the worker and its current job, if any."""
        order = self._orders.result() if self._orders and self._orders.done() else None
        if isinstance(order, Job):
            order.fail(VerdictKind.INFRASTRUCTURE, reason)
        if self.worker:
            await self.worker.close()
            self.worker = None

    async def _start(self) -> bool:
        host = self._host
        self.state = State.STARTING
        began = _now()
        try:
            self.worker = await host.start_worker(self.imports)
        except HeaderRejectedError as error:
            if self.imports != host.imports:
                host.tally.failed_starts += 1
                host.reject(self.imports, str(error))
                self.imports = host.imports
                return False
            failure = f"the imports {' '.join(self.imports)} cannot be loaded: {error}"
        except (WorkerStartError, RuntimeUnavailableError, OSError) as error:
            failure = str(error)
        else:
            self._failures = 0
            return True
        finally:
            for charge in self._charges:
                charge(_now() - began)
            self._charges = ()
        await self._failed(failure)
        return False

    async def _failed(self, failure: str) -> None:
        """Report a failed start and wait before the next one."""
        _log.warning("%s", failure)
        self._failures += 1
        self.state = State.WAITING
        self._host.start_failed(self, failure, final=self._failures > 1)
        if self._failures > 1:
            self.imports = self._host.imports
        await self._pause()

    async def _serve(self) -> End:
        """Give jobs to the worker until it ends or must end."""
        worker = self.worker
        assert worker is not None
        loop = asyncio.get_running_loop()
        self.up_since = _now()
        while worker.usable:
            self._orders = loop.create_future()
            self._idle_since = _now()
            self.state = State.IDLE
            if not worker.served:
                self._host.worker_started()
            self._scheduler.dispatch()
            # A job that waits already is sent before anything else runs: the worker has it while its last answer is
            # being used.
            if not self._orders.done():
                waited: set[asyncio.Future[Any]] = {self._orders, worker.ended}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            self._idle_since = None
            if not self._orders.done():
                break
            order = self._orders.result()
            if isinstance(order, End):
                return order
            if (end := await self._work(worker, order)) is not None:
                return end
        self.state = State.STARTING
        end = await asyncio.shield(worker.ended)
        _log.warning("a Lean worker ended between requests: it %s", worker.why)
        if not worker.served:  # avoids a busy loop if workers die immediately
            self._failures += 1
            await self._pause()
        return end

    async def _work(self, worker: WorkerProcess, job: Job[Any]) -> End | None:
        host = self._host
        began = _now()
        ended = await attempt(worker, job, host.config.grace_seconds)
        job.charge(_now() - began)
        if ended:
            self.state = State.STARTING
            warning = "a Lean worker ended in a %s request: it %s"
            job.context.run(_log.warning, warning, job.request.op, ended.why)
            _log.debug("its last words: %s", worker.last_words)
            await worker.close(ended.end)
            if after_end(job, ended):
                self._orders = None  # the job is handed over
                self._scheduler.push(job)
            return ended.end
        if worker.usable and worker.memory_bytes > host.config.recycle_bytes:
            return End.RECYCLED
        return None

    def _order(self, order: Job[Any] | End, state: State) -> None:
        assert self._orders is not None
        self.state = state
        self._idle_since = None
        self._orders.set_result(order)

    async def _pause(self) -> None:
        await asyncio.sleep(pause_seconds(self._failures))


async def attempt(worker: WorkerProcess, job: Job[Any], grace: float) -> Ended | None:
    """Try a job once. At its deadline, or when its caller leaves, Lean is told to stop within `grace` seconds.

    Returns:
        None if the job is complete and the worker can take the next one; otherwise the worker is dead or must be
        killed, and `after_end` handles the job.
    """
    loop = asyncio.get_running_loop()
    started = loop.time()
    answer = worker.ask(job.request)
    # 1. Wait for the answer, the deadline, or the caller to leave.
    await asyncio.wait({answer, job.future}, timeout=job.seconds, return_when=asyncio.FIRST_COMPLETED)
    # 2. No answer: cancel inside Lean, to keep the warm environment; kill only if that fails.
    late = not answer.done()
    if late and not await worker.cancel(grace):
        stopped = await asyncio.to_thread(worker.stopped)
        end = End.OUTSIDE if stopped else End.UNRESPONSIVE
        worker.kill(end, "was stopped by a signal" if stopped else f"ignored its cancelling for {grace:g} s")
    # 3. Parse the answer.
    try:
        fields = accepted(await answer)
        ms = 1000 * (loop.time() - started)
        if not job.future.done():
            job.future.set_result(job.request.read(fields, ms, late))
        return None
    except NoAnswerError as error:  # a failed look-up: the worker is in order
        job.future.set_exception(error)
        return None
    except WorkerEndedError as error:
        return Ended(error.end, worker.why, 1000 * (loop.time() - started))
    except ProtocolError as error:
        return Ended(End.PROTOCOL_ERROR, f"violated the worker protocol ({error})", 1000 * (loop.time() - started))
    except AnswerError as error:
        ms = 1000 * (loop.time() - started)
        if error.code == "bad_header":
            job.fail(VerdictKind.INVALID_STATEMENT, str(error), ms)
        elif error.code == "bad_request":
            job.fail(VerdictKind.INFRASTRUCTURE, f"the worker does not understand the request: {error}", ms)
        else:
            return Ended(End.INTERNAL, f"failed inside: {error}", ms)
        return None


def pause_seconds(failures: int) -> float:
    """Return the seconds to wait before the next start after a number of consecutive failures."""
    return min(_LONGEST_PAUSE_SECONDS, 0.25 * 2.0 ** min(failures, 7))


def _now() -> float:
    return asyncio.get_running_loop().time()
