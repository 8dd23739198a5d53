"""Hosts of a real Ray cluster on loopback, really killed and stopped; scripted processes for Lean (tests/support/scripted.py)."""

import asyncio
import functools
import signal
from collections.abc import AsyncIterator, Callable, Iterator

import psutil
import pytest
import pytest_asyncio

from prover.cluster.connection import RayConnection
from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.ray.local import LocalCluster, local_cluster
from prover.lean.cluster.ray.nodes import RayCluster, _RayHost
from prover.lean.workers.pool import PoolConfig, PoolUnavailableError, WorkerPool
from prover.verdict import Trust, Verdict, VerdictKind
from tests.support.scripted import LONG, SHORT, ScriptedRuntime, proof, server, theorem

pytest.importorskip("ray")
pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

CONFIG = PoolConfig(workers=2, spares=0)
ENDLESS = proof(loop=600)


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(hosts=2, drivers=2) as cluster:
        yield cluster


def pool_on(cluster: LocalCluster, runtime: ScriptedRuntime | None = None, silence: float = 5.0) -> ClusterPool:
    runtime = runtime or ScriptedRuntime()
    make_pool = functools.partial(WorkerPool, runtime, CONFIG, {"kinds": []})
    return ClusterPool(RayCluster(cluster.address, make_pool), runtime, CONFIG, silence)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(cluster: LocalCluster) -> AsyncIterator[ClusterPool]:
    async with pool_on(cluster) as pool:
        await pool.ready()
        await all_hosts(pool, cluster)
        yield pool


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(90):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def all_hosts(pool: ClusterPool, cluster: LocalCluster) -> None:
    await until(lambda: [place.size for place in pool.hosts.places] == [2] * len(cluster.hosts))


def processes_of(pool: ClusterPool) -> list[psutil.Process]:
    """Of all workers, wherever they are."""
    return [psutil.Process(worker.pid) for worker in pool.stats().workers if worker.pid]


async def all_gone(processes: list[psutil.Process]) -> None:
    assert processes
    await until(lambda: not any(process.is_running() for process in processes))


async def test_a_cluster_that_is_not_there_is_one_sentence() -> None:
    runtime = ScriptedRuntime()
    make_pool = functools.partial(WorkerPool, runtime, CONFIG)
    with pytest.raises(PoolUnavailableError, match=r"no Ray cluster answers at 127\.0\.0\.2:1 .*leansieve cluster up"):
        async with ClusterPool(RayCluster("127.0.0.2:1", make_pool), runtime, CONFIG) as pool:
            await pool.ready()


async def test_cancelling_reaches_the_worker_and_keeps_it(pool: ClusterPool) -> None:
    await until(lambda: all(worker.pid for worker in pool.stats().workers))  # those that still start have none
    workers = {worker.pid for worker in pool.stats().workers}
    tasks = [asyncio.create_task(pool.check(theorem(), ENDLESS, LONG)) for _ in range(4)]
    await until(lambda: sum(len(place.in_work) for place in pool.hosts.places) == 4)
    for task in tasks:
        task.cancel()
    async with asyncio.timeout(20):
        verdicts = await asyncio.gather(*(pool.check(theorem(), proof()) for _ in range(8)))
    assert {server(verdict)[0] for verdict in verdicts} <= workers
    assert pool.stats().abandoned == 4


async def test_a_host_says_what_a_pool_here_says(pool: ClusterPool) -> None:
    assert (pool.lean_version, pool.worker_version, pool.size) == ("scripted", "1", 4)
    verdict = await pool.check(theorem("one"), proof())
    assert (verdict.theorem, verdict.trust) == ("one", Trust.KERNEL_REPLAYED)
    assert (await pool.check(theorem(), proof(verdict="rejected"))).kind is VerdictKind.REJECTED
    assert (await pool.check(theorem(), proof(loop=60), SHORT)).kind is VerdictKind.TIMEOUT
    assert (await pool.check(theorem(), proof(exit=1))).kind is VerdictKind.OUT_OF_RESOURCES
    assert (await pool.check(theorem(imports=("Mathlib",)), proof())).kind is VerdictKind.FORBIDDEN
    assert await pool.ping() >= 0


async def test_an_isolated_checker_is_a_process_of_a_host_that_serves_nobody_else(pool: ClusterPool) -> None:
    async with pool.isolated() as isolated:
        first = await isolated.check(theorem(), proof())
        second = await isolated.check(theorem(), proof())
        assert first.trust is Trust.ISOLATED_REPLAY
        (pid, served), (pid_again, served_again) = server(first), server(second)
        assert (pid_again, served, served_again) == (pid, 1, 2)
        lent = psutil.Process(pid)
    await all_gone([lent])


async def test_a_host_whose_lean_does_not_start_gets_no_checks_and_says_why(cluster: LocalCluster) -> None:
    poor = cluster.hosts[0].node_id
    make_pool = functools.partial(_without_memory_on, poor)
    async with ClusterPool(RayCluster(cluster.address, make_pool), ScriptedRuntime(), CONFIG) as pool:
        await pool.ready()
        verdicts = await asyncio.gather(*(pool.check(theorem(f"t{n}"), proof()) for n in range(20)))
        assert all(verdict.verified for verdict in verdicts)

        def told() -> dict[bool, tuple[int, bool]]:
            hosts = pool.stats().hosts
            return {host.name.endswith(poor[:8]): (host.live, "no memory here" in host.failure) for host in hosts}

        await until(lambda: told() == {True: (0, True), False: (2, False)})


def _without_memory_on(node: str) -> WorkerPool:
    import ray

    here = ray.get_runtime_context().get_node_id()
    return WorkerPool(ScriptedRuntime(unavailable="no memory here" if here == node else ""), CONFIG, {"kinds": []})


async def test_nothing_is_lost_when_a_host_is_killed_in_a_thousand_checks(
    cluster: LocalCluster, pool: ClusterPool
) -> None:
    answers: list[Verdict] = []

    async def check(number: int) -> None:
        verdict = await pool.check(theorem(f"t{number}"), proof(loop=0.01))
        assert verdict.theorem == f"t{number}"  # nobody else's
        answers.append(verdict)

    checks = [asyncio.create_task(check(number)) for number in range(1000)]
    await until(lambda: len(answers) > 100)
    victim = cluster.hosts.pop(0)
    place = next(place for place in pool.hosts.places if place.key == victim.node_id)
    assert place.state is not None
    workers = [psutil.Process(worker.pid) for worker in place.state.stats.workers if worker.pid]
    await asyncio.to_thread(cluster.kill, victim)
    await until(lambda: pool.hosts.lost)
    await all_gone(workers)
    # Another one joins meanwhile.
    cluster.hosts.append(cluster.add())
    await asyncio.gather(*checks)
    assert len(answers) == 1000
    assert all(verdict.verified for verdict in answers)
    await all_hosts(pool, cluster)


async def test_a_host_that_hangs_is_given_up_and_used_again(cluster: LocalCluster) -> None:
    async with pool_on(cluster, silence=2.0) as pool:
        await pool.ready()
        await all_hosts(pool, cluster)
        actor = processes_of(pool)[0].parent()
        assert actor is not None
        actor.send_signal(signal.SIGSTOP)
        try:
            verdicts = await asyncio.gather(*(pool.check(theorem(f"t{n}"), proof()) for n in range(40)))
            assert [verdict.theorem for verdict in verdicts] == [f"t{n}" for n in range(40)]
            assert pool.hosts.lost
        finally:
            actor.send_signal(signal.SIGCONT)
        await all_hosts(pool, cluster)


async def test_a_lent_process_is_started_elsewhere_when_its_host_is_lost(
    cluster: LocalCluster, pool: ClusterPool
) -> None:
    async with pool.isolated() as isolated:
        pid, _ = server(await isolated.check(theorem(), proof()))
        actor = psutil.Process(pid).parent()
        assert actor is not None
        actor.kill()
        verdict = await isolated.check(theorem("again"), proof())
        assert (verdict.theorem, verdict.trust) == ("again", Trust.ISOLATED_REPLAY)
        assert server(verdict)[0] != pid


async def test_nothing_is_left_on_a_host_behind_its_driver(cluster: LocalCluster) -> None:
    async with pool_on(cluster) as pool:
        await pool.ready()
        await all_hosts(pool, cluster)
        processes = processes_of(pool)
    await all_gone(processes)


async def test_failure_inside_a_host_that_ray_cannot_bring_over_does_not_lose_the_host(pool: ClusterPool) -> None:
    import ray

    class TwoArgumentsError(Exception):
        def __init__(self, kind: int, reason: str) -> None:
            super().__init__(reason)

    class Failing:
        async def state(self) -> None:
            raise TwoArgumentsError(1, "inside")

    connection = RayConnection("auto")
    host = _RayHost(connection, "a", ray.remote(Failing).options(num_cpus=0).remote())
    with pytest.raises(ray.exceptions.UnserializableException, match="inside"):
        await host.state()


async def test_hosts_without_lean_are_said_to_be(cluster: LocalCluster) -> None:
    with pytest.raises(PoolUnavailableError, match="no memory here"):
        async with pool_on(cluster, ScriptedRuntime(unavailable="no memory here")) as pool:
            await pool.ready()
