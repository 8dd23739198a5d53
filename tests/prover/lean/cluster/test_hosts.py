"""Scripted hosts that join, leave and fall silent; test_cluster_ray.py has real ones."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.candidate import Candidate
from prover.cluster.asking import HostLostError
from prover.lean.checker import Terms
from prover.lean.cluster import membership as module
from prover.lean.cluster.handle import Handle
from prover.lean.cluster.placement import scaling
from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.questions import Busy, HostQuestion, HostState, Lending, Outcome, RawAnswer
from prover.lean.runtimes.embedded.runtime import EmbeddedLean
from prover.lean.wire import role
from prover.lean.wire.checks import NoAnswerError
from prover.lean.workers.jobs import PoolBusyError, Priority
from prover.lean.workers.pool import PoolConfig, PoolUnavailableError
from prover.lean.workers.stats import PoolStats, State, WorkerStats
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Verdict, VerdictKind

NOTHING = Theorem("", Header(("Init", "Std")))
LOADED = ("Init", "Std")


class Scripted:
    """A host that answers on command."""

    def __init__(self, name: str, workers: int = 1) -> None:
        self.name = name
        self.workers = workers
        self.failure = ""
        self.loaded = LOADED
        self.version = "6"
        self.questions: list[HostQuestion] = []
        self.cancelled: list[int] = []
        self.killed = False
        self.silent = False
        self.ticks = 0
        self.telling = asyncio.Event()
        self.outcome: Outcome = RawAnswer({}, 1.0, False)
        self.answering = asyncio.Event()
        self.dying = asyncio.Event()

    async def state(self) -> HostState:
        if self.silent:
            await self.telling.wait()
        if self.dying.is_set():
            raise HostLostError(self.name)
        live = 0 if self.failure else self.workers
        workers = tuple(WorkerStats(State.IDLE, 1, self.loaded, 0, 0) for _ in range(live))
        stats = PoolStats(workers, 0, {}, 0, {}, 0, 0)
        return HostState(self.workers, live, self.failure, "4.28.0", self.version, stats)

    async def ask(self, number: int, question: HostQuestion, process: int = 0) -> Outcome:
        self.questions.append(question)
        answering, dying = asyncio.ensure_future(self.answering.wait()), asyncio.ensure_future(self.dying.wait())
        try:
            await asyncio.wait({answering, dying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            dying.cancel()
        if self.dying.is_set():
            raise HostLostError(self.name)
        return self.outcome

    def cancel(self, number: int) -> None:
        self.cancelled.append(number)
        self.answering.set()

    async def lend(self, wanted: Lending) -> int:
        return 7

    async def take_back(self, process: int) -> None:
        pass

    async def close(self) -> None:
        pass

    def kill(self) -> None:
        self.killed = True
        self.tell_after(self.ticks)

    def tell_after(self, ticks: int) -> None:
        if ticks:
            asyncio.get_running_loop().call_soon(self.tell_after, ticks - 1)
        else:
            self.telling.set()


class Scene:
    """A cluster of scripted hosts."""

    def __init__(self, *scripted: Scripted) -> None:
        self.scripted = {host.name: host for host in scripted}
        self.wanted = 0

    async def connect(self) -> None:
        pass

    async def hosts(self) -> set[str]:
        return {name for name, host in self.scripted.items() if not host.dying.is_set()}

    async def host(self, key: str) -> Handle:
        return self.scripted[key]

    async def want(self, hosts: int) -> None:
        self.wanted = hosts

    async def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_BEAT_SECONDS", "_LOOK_SECONDS"):
        monkeypatch.setattr(module, name, 0.01)


@contextlib.asynccontextmanager
async def pool_of(
    *scripted: Scripted, queue: int = 100, recheck: float = 0.0, most: int = 0
) -> AsyncIterator[ClusterPool]:
    pool = ClusterPool(Scene(*scripted), EmbeddedLean(), PoolConfig(max_queued=queue), 0.3, recheck, most)
    async with pool:
        await pool.ready()
        yield pool


def asked(pool: ClusterPool, priority: Priority = Priority.INTERACTIVE) -> "asyncio.Task[float]":
    return asyncio.create_task(pool.ask(role.ping(), NOTHING, Terms(Limits(seconds=5), priority=priority)))


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_what_a_lost_host_was_asked_is_asked_of_another_and_answered_once() -> None:
    one, two = Scripted("one"), Scripted("two")
    async with pool_of(one, two) as pool:
        await until(lambda: pool.size == 2)
        tasks = [asked(pool) for _ in range(4)]
        await until(lambda: one.questions and two.questions)
        one.dying.set()
        two.answering.set()
        assert await asyncio.gather(*tasks) == [1.0] * 4
        assert (pool.size, pool.hosts.lost, one.killed) == (1, 1, True)


async def test_a_host_that_says_nothing_is_given_up() -> None:
    one, two = Scripted("one"), Scripted("two")
    async with pool_of(one, two) as pool:
        await until(lambda: pool.size == 2)
        tasks = [asked(pool) for _ in range(2)]
        await until(lambda: one.questions and two.questions)
        one.silent = True
        two.answering.set()
        assert await asyncio.gather(*tasks) == [1.0] * 2
        one.answering.set()  # its late answer is nobody's
        await asyncio.sleep(0.05)
        assert one.killed


async def test_a_question_on_which_three_hosts_were_lost_is_answered_without_a_verdict() -> None:
    scripted = [Scripted(str(number)) for number in range(4)]
    async with pool_of(*scripted) as pool:
        task = asked(pool)
        for count in range(1, 4):
            await until(lambda count=count: sum(len(host.questions) for host in scripted) == count)
            next(host for host in scripted if host.questions and not host.dying.is_set()).dying.set()
        with pytest.raises(NoAnswerError, match="3 hosts were lost") as caught:
            await task
        assert caught.value.kind is VerdictKind.INFRASTRUCTURE


async def test_cancelling_reaches_the_host() -> None:
    one = Scripted("one")
    async with pool_of(one) as pool:
        task = asked(pool)
        await until(lambda: one.questions)
        task.cancel()
        await until(lambda: one.cancelled)
        one.answering.set()
        assert await asked(pool) == 1.0


async def test_a_host_that_joins_gets_work_and_one_that_leaves_none() -> None:
    one, two = Scripted("one"), Scripted("two")
    two.dying.set()
    async with pool_of(one, two) as pool:
        tasks = [asked(pool) for _ in range(4)]
        await until(lambda: one.questions)
        two.dying.clear()
        two.answering.set()
        await until(lambda: two.questions)
        one.answering.set()
        await asyncio.gather(*tasks)


async def test_who_waits_longest_is_asked_first_and_batches_last() -> None:
    one = Scripted("one")
    async with pool_of(one) as pool:
        first = [asked(pool) for _ in range(2)]  # what one worker has in work and at hand
        await until(lambda: len(one.questions) == 2)
        batch = [asked(pool, Priority.BATCH) for _ in range(2)]
        await asyncio.sleep(0)
        later = [asked(pool) for _ in range(2)]
        await until(lambda: len(pool.hosts.queue) == 4)
        one.answering.set()
        await asyncio.gather(*first, *batch, *later)
        order = [question.priority for question in one.questions[2:]]
        assert order == [Priority.INTERACTIVE] * 2 + [Priority.BATCH] * 2


async def test_what_waits_is_bounded_and_a_full_host_says_when_to_come_back() -> None:
    one = Scripted("one")
    async with pool_of(one, queue=3) as pool:
        tasks = [asked(pool) for _ in range(5)]
        await until(lambda: len(pool.hosts.queue) == 3)
        with pytest.raises(PoolBusyError):
            await asked(pool)
        one.outcome = Busy("full", 3.0)
        one.answering.set()
        found = await asyncio.gather(*tasks, return_exceptions=True)
        assert [error.seconds for error in found if isinstance(error, PoolBusyError)] == [3.0] * 5


async def test_a_host_without_lean_gets_no_work_and_says_why() -> None:
    one, two = Scripted("one"), Scripted("two")
    one.failure, two.failure = "no memory", ""
    two.answering.set()
    async with pool_of(one, two) as pool:
        assert await asyncio.gather(*(asked(pool) for _ in range(3))) == [1.0] * 3
        assert (pool.size, one.questions) == (1, [])
        one.failure = ""
        await until(lambda: pool.size == 2)
    one.failure = "no memory"
    with pytest.raises(PoolUnavailableError, match="no memory"):
        async with pool_of(one):
            pass


async def test_hosts_whose_workers_differ_are_not_mixed() -> None:
    """Verdicts may differ between versions of the worker."""
    one, two = Scripted("one"), Scripted("two")
    two.version = "5"
    async with pool_of(one, two) as pool:
        await until(lambda: pool.hosts.lost)
        await asyncio.sleep(0.1)
        assert (pool.size, pool.hosts.lost) == (1, 1)


async def test_a_host_that_says_what_fits_no_answer_gives_no_verdict() -> None:
    one = Scripted("one")
    one.outcome = RawAnswer({"verdict": "verified", "trust": "very high"}, 1.0, False)
    one.answering.set()
    async with pool_of(one) as pool:
        verdict = await pool.check(Theorem("theorem t : True"), Candidate("trivial"))
        assert verdict.kind is VerdictKind.INFRASTRUCTURE


async def test_checks_go_where_their_imports_are_loaded() -> None:
    one, two = Scripted("one", workers=8), Scripted("two", workers=2)
    two.loaded = ("Init",)
    one.answering.set()
    two.answering.set()
    async with pool_of(one, two) as pool:
        await until(lambda: pool.size == 10)
        for imports in (("Init",), LOADED, ("Init",)):
            await pool.ask(role.ping(), Theorem("", Header(imports)), Terms())
        assert [question.imports for question in one.questions] == [LOADED]
        assert [question.imports for question in two.questions] == [("Init",)] * 2


async def test_hosts_are_asked_for_and_given_back_by_what_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(scaling, "_REST_SECONDS", 0.05)
    scripted = [Scripted(str(number)) for number in range(4)]
    async with pool_of(*scripted, most=3) as pool:
        assert pool.size == 1, "others that offer themselves are left to others"
        tasks = [asked(pool) for _ in range(30)]
        await until(lambda: pool.size == 3)
        for host in scripted:
            host.answering.set()
        await asyncio.gather(*tasks)
        await until(lambda: pool.size == 1)
        await until(lambda: sum(host.killed for host in scripted) == 2)
        assert pool.hosts.lost == 0


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 20)), max_size=40))
def test_what_is_wanted_stays_within_its_bounds_and_falls_one_by_one(seen: list[tuple[int, int]]) -> None:
    wanted = [1]
    judge = scaling.Scaling(8)
    for number, (questions, hosts) in enumerate(seen):
        wanted.append(judge.see(100.0 * number, questions, hosts, 4 * hosts))
    assert all(1 <= each <= 8 for each in wanted)
    assert all(after >= before - 1 for before, after in itertools.pairwise(wanted))


def says(host: Scripted, verdict: str, axioms: Sequence[str] = ()) -> None:
    trust = "kernel_replayed" if verdict == "verified" else None
    fields = {"id": 1, "ok": True, "verdict": verdict, "trust": trust, "mode": "proof", "theorem": "t"}
    rest = {"messages": [], "axioms": list(axioms), "heartbeats": 0, "timing": {}}
    host.outcome = RawAnswer({**fields, **rest}, 1.0, False)
    host.answering.set()


async def checked(pool: ClusterPool) -> Verdict:
    return await pool.check(Theorem("theorem t : True"), Candidate("trivial"))


async def test_a_host_that_lies_is_found_out_and_believed_alone_no_more() -> None:
    one, two = Scripted("one"), Scripted("two")
    says(one, "verified")
    says(two, "rejected")
    async with pool_of(one, two, recheck=1.0) as pool:
        verdict = await checked(pool)
        assert verdict.kind is VerdictKind.INFRASTRUCTURE
        assert "disagree: host " in verdict.messages[0].text
        assert pool.stats().rechecks == {"agreed": 0, "disagreed": 1, "undecided": 0}
        pool.hosts.recheck._share = 0.0
        assert (await checked(pool)).kind is VerdictKind.INFRASTRUCTURE  # whichever host says it
        two.dying.set()
        await until(lambda: len(pool.hosts.places) == 1)
        assert (await checked(pool)).kind is VerdictKind.INFRASTRUCTURE, "nobody confirms it"
        assert pool.stats().rechecks == {"agreed": 0, "disagreed": 2, "undecided": 1}


@pytest.mark.parametrize(
    ("first", "second", "outcome"),
    [
        (("verified", ["propext"]), ("verified", ["propext"]), "agreed"),
        (("verified", ["propext"]), ("verified", []), "disagreed"),
        (("rejected", []), ("incomplete", []), "agreed"),
        (("verified", []), ("timeout", []), "undecided"),
    ],
)
async def test_hosts_that_agree_are_believed(
    first: tuple[str, list[str]], second: tuple[str, list[str]], outcome: str
) -> None:
    one, two = Scripted("one"), Scripted("two", workers=8)
    says(one, *first)
    says(two, *second)
    async with pool_of(one, two, recheck=1.0) as pool:
        await until(lambda: pool.size == 9)  # the first has more room for its size
        verdict = await checked(pool)
        assert len(one.questions) == len(two.questions) == 1
        assert one.questions == two.questions, "a host cannot tell which is asked again"
        assert pool.stats().rechecks[outcome] == 1
        assert (verdict.kind.value == first[0]) == (outcome != "disagreed")


async def test_where_there_is_one_host_its_verdict_stands() -> None:
    one = Scripted("one")
    says(one, "verified")
    async with pool_of(one, recheck=1.0) as pool:
        assert (await checked(pool)).verified
        assert pool.stats().rechecks["undecided"] == 1


@pytest.mark.parametrize("ticks", range(5))
async def test_closing_ends_while_a_host_tells_how_it_is(ticks: int) -> None:
    one = Scripted("one")
    async with pool_of(one) as pool:
        one.silent = True
        await asyncio.sleep(0.1)  # it has been asked
        one.ticks = ticks
        async with asyncio.timeout(5):
            await pool.close()


async def test_a_process_of_its_own_waits_for_a_host() -> None:
    one = Scripted("one")
    says(one, "verified")
    async with pool_of(one) as pool:
        one.failure = "starting again"
        await until(lambda: not any(place.size for place in pool.hosts.places))
        assert pool.size == 1, "searches are planned for one check at a time meanwhile"
        async with pool.isolated() as isolated:
            check = asyncio.create_task(isolated.check(Theorem("theorem t : True"), Candidate("trivial")))
            await asyncio.sleep(0.05)
            one.failure = ""
            assert (await check).verified


async def test_closing_answers_what_waits() -> None:
    one = Scripted("one")
    async with pool_of(one) as pool:
        tasks = [asked(pool) for _ in range(5)]
        await until(lambda: len(one.questions) == 2)
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(error, NoAnswerError) for error in found)
    assert one.killed
