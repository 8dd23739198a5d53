"""Real Lean on a host of a real Ray cluster: one host, one worker."""

import asyncio
import contextlib
import functools
import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.ray.local import LocalCluster, local_cluster
from prover.lean.cluster.ray.nodes import RayCluster
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.client import PoolClient
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.lean.workers.stats import State
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Trust, VerdictKind
from prover.verdict import Path as Route
from tests.support.commands import running
from tests.support.pools import until

pytest.importorskip("ray")
pytestmark = [pytest.mark.lean, pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

CONFIG = PoolConfig(workers=1, spares=0, grace_seconds=5.0)
EASY = Theorem("theorem easy (a b : Nat) : a + b = b + a")
# Half a million cases, one by one: takes minutes unless it is stopped.
LONG = Theorem("theorem long : ∀ a b c d e : Fin 14, a + b + c + d + e = e + d + c + b + a")
PATIENT = Terms(Limits(seconds=120, heartbeats=4_000_000, recursion=4_000))


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(hosts=1) as cluster:
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(cluster: LocalCluster) -> AsyncIterator[ClusterPool]:
    make_pool = functools.partial(WorkerPool, EmbeddedLean(), CONFIG)
    async with ClusterPool(RayCluster(cluster.address, make_pool), EmbeddedLean(), CONFIG, recheck=1.0) as pool:
        await pool.ready()
        yield pool


async def test_a_driver_that_is_killed_and_started_again_loses_and_repeats_nothing(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    proofs = {str(number): "by omega" if number % 3 else "by rfl" for number in range(120)}
    source.write_text(
        "".join(
            json.dumps({"id": name, "statement": f"theorem t{name} (a b : Nat) : a + b = b + a", "proof": proof}) + "\n"
            for name, proof in proofs.items()
        )
    )
    command = ("check", "--jsonl", source, "--out", out, "--workers", "1")
    environment = {"LEANSIEVE_LEAN__CLUSTER": cluster.address}
    async with running(*command, **environment) as driver:
        while not out.exists() or out.read_bytes().count(b"\n") < 20:
            assert driver.returncode is None
            await asyncio.sleep(0.01)
        driver.kill()
    assert out.read_bytes().count(b"\n") < len(proofs)
    async with running(*command, **environment) as driver:
        _, said = await driver.communicate()
        assert driver.returncode == 1, said  # not all are proved
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert {row["id"]: row["verdict"] for row in rows} == {
        name: "VERIFIED" if proof == "by omega" else "REJECTED" for name, proof in proofs.items()
    }
    assert len(rows) == len(proofs)


async def test_a_stored_batch_whose_driver_is_killed_goes_on_and_leaves_nothing_on_the_host(
    cluster: LocalCluster, tmp_path: Path
) -> None:
    source, out = tmp_path / "in.jsonl", tmp_path / "out"
    rows = [{"id": n, "statement": f"theorem t{n} (a b : Nat) : a + b + {n} = {n} + (b + a)"} for n in range(40)]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows))

    def answered() -> list[int]:
        results = out / "results.jsonl"
        whole = results.read_bytes().splitlines(keepends=True) if results.exists() else []
        return [json.loads(line)["id"] for line in whole if line.endswith(b"\n")]

    command = ("batch", source, "--out", out, "--workers", "1", "--samples", "4")
    environment = {"LEANSIEVE_LEAN__CLUSTER": cluster.address, "LEANSIEVE_BATCHES__LEASE_SECONDS": "2"}
    async with running(*command, **environment) as driver:
        while len(answered()) < 8:
            assert driver.returncode is None
            await asyncio.sleep(0.01)
        leans = leans_on(cluster)
        driver.kill()
    assert leans
    assert 8 <= len(answered()) < len(rows)
    async with running(*command, **environment) as driver:
        said, complaint = await driver.communicate()
        assert driver.returncode == 0, complaint
    assert said.startswith(b"batch: 40 of 40 theorems proved")
    assert sorted(answered()) == list(range(40)), "each once"
    async with asyncio.timeout(30):
        while leans_on(cluster) or any(lean.is_running() for lean in leans):  # noqa: ASYNC110, they tell nobody
            await asyncio.sleep(0.05)


def leans_on(cluster: LocalCluster) -> list[psutil.Process]:
    """Processes of Lean on the cluster's hosts."""
    found = []
    for pid in cluster.processes():
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [one for one in psutil.Process(pid).children(recursive=True) if _is_lean(one)]
    return found


def _is_lean(process: psutil.Process) -> bool:
    try:
        return any(Path(part).name == "node" for part in process.cmdline()[:1])
    except psutil.Error:
        return False


async def test_lean_on_a_host_verifies_and_rejects(pool: ClusterPool) -> None:
    verdict = await pool.check(EASY, Candidate("by omega"))
    assert (verdict.kind, verdict.trust, verdict.theorem) == (VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, "easy")
    assert (await pool.check(EASY, Candidate("by rfl"))).kind is VerdictKind.REJECTED


async def test_code_is_contained_on_the_host(pool: ClusterPool) -> None:
    context = "macro_rules | `(tactic| trivial) => `(tactic| omega)\nopaque hidden : Nat"
    theorem = Theorem("theorem shown (a b : Nat) : a + b = b + a", Header(), context)
    async with PoolClient(pool) as client:
        verdict = await client.check(theorem, Candidate("by trivial"))
    assert (verdict.kind, verdict.path) == (VerdictKind.VERIFIED, Route.QUARANTINE), verdict.messages
    assert pool.stats().rechecks["undecided"] >= 3, "there is no other host to ask, in quarantine neither"


async def test_cancelling_reaches_lean_on_the_host_and_keeps_its_worker_warm(pool: ClusterPool) -> None:
    (before,) = pool.stats().workers
    assert before.pid
    process = psutil.Process(before.pid)
    check = asyncio.create_task(pool.check(LONG, Candidate("by decide"), PATIENT))
    await until(lambda: pool.stats().in_state(State.BUSY) == 1)
    worked = sum(process.cpu_times()[:2])
    await until(lambda: sum(process.cpu_times()[:2]) > worked + 0.3)  # Lean is at it
    check.cancel()
    async with asyncio.timeout(30):
        assert (await pool.check(EASY, Candidate("by omega"))).verified
    await until(lambda: pool.stats().in_state(State.IDLE) == 1)
    (after,) = pool.stats().workers
    assert after.pid == before.pid
