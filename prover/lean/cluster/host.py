"""The process on a host: an ordinary pool of Lean workers, and processes that it lends to single clients."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

from prover.cluster.asking import OpenQuestions
from prover.lean.checker import Checker, Terms
from prover.lean.cluster.questions import Busy, HostQuestion, HostState, Lending, MissingAnswer, Outcome, unread
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.jobs import CHARGE, WAIT, ImportSet, PoolBusyError
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool import PoolUnavailableError, WorkerPool
from prover.lean.workers.stats import State
from prover.theorem import Header, Theorem
from prover.verdict import Limits, VerdictKind

_WITHDRAWN = MissingAnswer(VerdictKind.INFRASTRUCTURE, "no caller waits for this", 0.0)


class Host:
    """Answers the questions of one driver. Its process ends with the driver's connection."""

    def __init__(self, make_pool: Callable[[], WorkerPool]) -> None:
        """Create a host whose pool `make_pool` will make; nothing is started."""
        self._make_pool = make_pool
        self._pool: WorkerPool | None = None
        self._starting = asyncio.Lock()
        self._failure = ""
        self._asked: OpenQuestions[Outcome] = OpenQuestions()
        self._lent: dict[int, tuple[LeanPool, contextlib.AsyncExitStack]] = {}
        self._numbers = itertools.count(1)

    async def _up(self) -> WorkerPool:
        """Return the pool, and start it on the first call: an actor's calls arrive in no particular order."""
        async with self._starting:
            if self._pool is None:
                pool = self._make_pool()
                await pool.start()
                self._pool, self._watching = pool, asyncio.create_task(self._watch(pool))
            return self._pool

    async def _watch(self, pool: WorkerPool) -> None:
        """Record why no worker is running."""
        try:
            await pool.ready()
        except PoolUnavailableError as error:
            self._failure = str(error)

    async def state(self) -> HostState:
        """Return the host's state; it also serves as the sign of life that the driver waits for."""
        pool = await self._up()
        stats = pool.stats()
        live = stats.in_state(State.IDLE) + stats.in_state(State.BUSY)
        if live:
            self._failure = ""
        return HostState(pool.size, live, self._failure, pool.lean_version, pool.worker_version, stats)

    async def ask(self, number: int, question: HostQuestion, process: int = 0) -> Outcome:
        """Put a question to a worker of the pool, or to the lent `process`.

        Args:
            number: identifies the question for `cancel`.
            question: the request.
            process: number of a lent process; 0: the pool.
        """
        return await self._asked.answer(number, self._put(question, process), _WITHDRAWN)

    async def cancel(self, number: int) -> None:
        """Stop Lean, because this answer is no longer awaited; the worker stays warm."""
        self._asked.cancel(number)

    async def lend(self, wanted: Lending) -> int:
        """Start a process for one client alone, or lend a spare; judges are shared. Returns its number."""
        theorem, shared = _under(wanted.imports), await self._up()
        resources = contextlib.AsyncExitStack()
        pool: LeanPool
        match wanted.role:
            case ProcessRole.JUDGE:
                pool = await shared.judges()
            case ProcessRole.ELABORATOR:
                await shared.sealable(theorem)
                pool = await shared.elaborator(theorem)
                resources.push_async_callback(pool.close)
            case ProcessRole.WORKER:
                pool = await resources.enter_async_context(_isolated(shared, wanted.imports))
        number = next(self._numbers)
        self._lent[number] = pool, resources
        return number

    async def take_back(self, process: int) -> None:
        """End a lent process; repeated calls have no effect."""
        if entry := self._lent.pop(process, None):
            await entry[1].aclose()

    async def close(self) -> None:
        """End all processes."""
        await asyncio.gather(*map(self.take_back, list(self._lent)))
        if self._pool is not None:
            await self._pool.close()

    async def _put(self, question: HostQuestion, process: int) -> Outcome:
        pool = self._lent[process][0] if process else await self._up()
        seconds = {"worked": 0.0, "waited": 0.0}

        def note(name: str) -> Callable[[float], None]:
            def more(spent: float) -> None:
                seconds[name] += spent

            return more

        CHARGE.set(note("worked"))
        WAIT.set(note("waited"))
        terms = Terms(Limits(seconds=question.seconds), priority=question.priority)
        try:
            outcome = await pool.answered(lambda _: unread(question), _under(question.imports), terms)
        except PoolBusyError as error:
            return Busy(str(error), error.seconds)
        return replace(outcome, worked=seconds["worked"], waited=seconds["waited"])


@contextlib.asynccontextmanager
async def _isolated(pool: LeanPool, imports: ImportSet) -> AsyncIterator[LeanPool]:
    """Return the pool behind the checker that `LeanPool.isolated` lends, which answers more than checks."""
    lent = [pool]

    def within(isolated: LeanPool) -> Checker:
        lent[0] = isolated
        return isolated

    async with pool.isolated(imports, within):
        yield lent[0]


def _under(imports: tuple[str, ...]) -> Theorem:
    return Theorem("", Header(imports))
