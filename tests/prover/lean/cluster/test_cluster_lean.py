"""Real Lean on hosts of a real Ray cluster, all on loopback; hosts are really killed and stopped."""

import asyncio
import functools
import signal
from collections.abc import AsyncIterator, Callable, Iterator

import psutil
import pytest

from prover.candidate import Candidate
from prover.lean.cluster.local import LocalCluster, local_cluster
from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.ray import RayCluster
from prover.lean.runtimes.embedded.runtime import EmbeddedLean
from prover.lean.workers.client import Client
from prover.lean.workers.pool import PoolConfig, PoolUnavailableError, WorkerPool
from prover.theorem import Theorem
from prover.verdict import Path, Trust, VerdictKind

pytest.importorskip("ray")
pytestmark = [pytest.mark.lean, pytest.mark.timeout(600)]

CONFIG = PoolConfig(workers=1, spares=0, grace_seconds=5.0)
SWAP = Theorem("theorem swap (a b : Nat) : a + b = b + a")
PROOF = Candidate("by omega")
ENDLESS = Candidate("by\n  iterate 1000000000 (have : 1 = 1 := rfl)\n  omega")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(hosts=2) as cluster:
        yield cluster


@pytest.fixture
async def pool(cluster: LocalCluster) -> AsyncIterator[ClusterPool]:
    make_pool = functools.partial(WorkerPool, EmbeddedLean(), CONFIG)
    async with ClusterPool(RayCluster(cluster.address, make_pool), EmbeddedLean(), CONFIG, 5.0) as pool:
        await pool.ready()
        await until(lambda: pool.size == len(cluster.hosts))
        yield pool


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(120):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


def lean_of(host: object, cluster: LocalCluster) -> list[psutil.Process]:
    """The Lean processes of a host."""
    below = [child for pid in cluster.processes(host) for child in psutil.Process(pid).children(recursive=True)]
    return [process for process in below if process.name() == "node"]


async def test_hosts_say_what_a_pool_here_says(pool: ClusterPool) -> None:
    assert (await pool.check(SWAP, PROOF)).trust is Trust.KERNEL_REPLAYED
    assert (await pool.check(SWAP, Candidate("by rfl"))).kind is VerdictKind.REJECTED
    assert (await pool.check(SWAP, Candidate("by sorry"))).kind is VerdictKind.INCOMPLETE
    assert "a + b = b + a" in (await pool.elaborate(SWAP)).goal
    async with pool.isolated() as isolated:
        assert (await isolated.check(SWAP, PROOF)).trust is Trust.ISOLATED_REPLAY
    own = Theorem("theorem swap (a b : ℕ) : a + b = b + a", context='notation "ℕ" => Nat')
    async with Client(pool) as client:
        verdict = await client.check(own, PROOF)
        assert (verdict.verified, verdict.path) == (True, Path.QUARANTINE)
        assert (await client.check(own, Candidate("by rfl"))).kind is VerdictKind.REJECTED
    await until(lambda: not pool.stats().isolated)
    assert pool.stats().verdicts[VerdictKind.VERIFIED] >= 2


async def test_cancelling_reaches_lean_on_another_host_and_keeps_its_worker(pool: ClusterPool) -> None:
    await asyncio.gather(*(pool.check(SWAP, PROOF) for _ in range(4)))
    before = {worker.pid for worker in pool.stats().workers}
    tasks = [asyncio.create_task(pool.check(SWAP, ENDLESS)) for _ in range(2)]
    await until(lambda: all(place.in_work for place in pool.hosts.places))
    await asyncio.sleep(0.5)
    for task in tasks:
        task.cancel()
    async with asyncio.timeout(20):
        assert all(verdict.verified for verdict in await asyncio.gather(*(pool.check(SWAP, PROOF) for _ in range(4))))
    assert {worker.pid for worker in pool.stats().workers} == before
    assert pool.stats().abandoned == 2


async def test_nothing_is_lost_when_hosts_are_killed_stopped_and_added(
    cluster: LocalCluster, pool: ClusterPool
) -> None:
    theorems = [Theorem(f"theorem t{n} (a b : Nat) : a + b + {n} = b + a + {n}") for n in range(150)]
    answers: list[str] = []

    async def check(theorem: Theorem) -> None:
        verdict = await pool.check(theorem, PROOF)
        assert verdict.verified, verdict
        assert verdict.theorem == theorem.statement.split()[1]  # nobody else's
        answers.append(verdict.theorem)

    checks = [asyncio.create_task(check(theorem)) for theorem in theorems]
    await until(lambda: len(answers) > 10)
    # 1. A host is killed as by a power cut; its Lean goes with it.
    victim = cluster.hosts.pop(0)
    lean = lean_of(victim, cluster)
    assert lean
    await asyncio.to_thread(cluster.kill, victim)
    await until(lambda: pool.hosts.lost)
    await until(lambda: not any(process.is_running() for process in lean))
    # 2. Another joins.
    cluster.hosts.append(await asyncio.to_thread(cluster.add))
    await until(lambda: pool.size == 2)
    await asyncio.gather(*checks)
    assert sorted(answers) == sorted(theorem.statement.split()[1] for theorem in theorems)
    # 3. One hangs: its actor is stopped, as a machine that swaps.
    lost = pool.hosts.lost
    (lean_process,) = lean_of(cluster.hosts[0], cluster)
    actor = lean_process.parent()
    assert actor is not None
    tasks = [asyncio.create_task(pool.check(SWAP, PROOF)) for _ in range(8)]
    actor.send_signal(signal.SIGSTOP)
    try:
        assert all(verdict.verified for verdict in await asyncio.gather(*tasks))
        await until(lambda: pool.hosts.lost > lost)
        assert (await pool.check(SWAP, PROOF)).verified
    finally:
        actor.send_signal(signal.SIGCONT)


async def test_nothing_is_left_on_a_host_behind_its_driver(cluster: LocalCluster) -> None:
    make_pool = functools.partial(WorkerPool, EmbeddedLean(), CONFIG)
    async with ClusterPool(RayCluster(cluster.address, make_pool), EmbeddedLean(), CONFIG) as pool:
        await pool.ready()
        lean = [process for host in cluster.hosts for process in lean_of(host, cluster)]
        assert lean
    await until(lambda: not any(process.is_running() for process in lean))


async def test_a_cluster_that_is_not_there_is_one_sentence() -> None:
    make_pool = functools.partial(WorkerPool, EmbeddedLean(), CONFIG)
    with pytest.raises(PoolUnavailableError, match=r"no Ray cluster answers at 127\.0\.0\.1:1 .*leansieve cluster up"):
        async with ClusterPool(RayCluster("127.0.0.1:1", make_pool), EmbeddedLean(), CONFIG) as pool:
            await pool.ready()
