"""A host cut off from the network: it runs in its own network namespace, whose link is removed and restored."""

import asyncio
import contextlib
import functools
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator

import pytest

from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.ray.local import local_cluster
from prover.lean.cluster.ray.nodes import RayCluster
from prover.lean.workers.pool import PoolConfig, WorkerPool
from tests.support.scripted import ScriptedRuntime, proof, theorem

pytest.importorskip("ray")

CONFIG = PoolConfig(workers=2, spares=0)
HERE, THERE = "10.213.77.1", "10.213.77.2"
NAMESPACE, LINK = f"leansieve{os.getpid()}", f"ls{os.getpid()}"


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)


@contextlib.contextmanager
def namespace() -> Iterator[None]:
    """A network namespace that one link leads to."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("network namespaces need root and iproute2")
    try:
        ip("netns", "add", NAMESPACE)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"this machine makes no network namespace: {error.stderr.decode().strip()}")
    try:
        ip("link", "add", LINK, "type", "veth", "peer", "name", "inner", "netns", NAMESPACE)
        ip("addr", "add", f"{HERE}/24", "dev", LINK)
        ip("link", "set", LINK, "up")
        ip("-n", NAMESPACE, "addr", "add", f"{THERE}/24", "dev", "inner")
        ip("-n", NAMESPACE, "link", "set", "inner", "up")
        ip("-n", NAMESPACE, "link", "set", "lo", "up")
        yield
    finally:
        ip("netns", "del", NAMESPACE)


@contextlib.contextmanager
def host_within(address: str) -> Iterator[None]:
    """A host of the cluster in the namespace."""
    options = ("--node-ip-address", THERE, "--resources", '{"lean": 1}', "--num-cpus", "1")
    command = (sys.executable, "-m", "ray.scripts.scripts", "start", "--address", address, "--block", *options)
    process = subprocess.Popen(
        ["ip", "netns", "exec", NAMESPACE, *command, "--disable-usage-stats", "--object-store-memory", str(80 << 20)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.timeout(300)
async def test_a_host_that_is_cut_off_is_given_up_and_used_again() -> None:
    runtime = ScriptedRuntime()
    make_pool = functools.partial(WorkerPool, runtime, CONFIG, {"kinds": []})
    with namespace(), local_cluster(hosts=1, address=HERE) as cluster, host_within(cluster.address):
        async with ClusterPool(RayCluster(cluster.address, make_pool), runtime, CONFIG, silence_seconds=2.0) as pool:
            async with asyncio.timeout(120):
                while pool.size < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            far = next(host.name for host in pool.stats().hosts if host.name.startswith(THERE))
            checks = [asyncio.create_task(pool.check(theorem(f"t{n}"), proof(loop=0.02))) for n in range(200)]
            while not any(host.name == far and host.in_work for host in pool.stats().hosts):  # noqa: ASYNC110
                await asyncio.sleep(0)
            ip("link", "set", LINK, "down")
            verdicts = await asyncio.gather(*checks)
            assert [verdict.theorem for verdict in verdicts] == [f"t{n}" for n in range(200)]
            assert pool.hosts.lost == 1
            ip("link", "set", LINK, "up")
            async with asyncio.timeout(120):
                while pool.size < 4:  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
