"""Replicas on hosts of a real Ray cluster, really killed and stopped; a scripted engine in place of vLLM (tests/support/scripted_engine.py)."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from prover.lean.cluster.ray.local import LocalCluster, local_cluster
from prover.sampling.replicas import seat as module
from prover.sampling.replicas.engine import ReplicatedEngine
from prover.sampling.replicas.engines import ReplicatedEngines
from prover.sampling.replicas.ray import RayPlaces
from prover.sampling.replicas.routing import choose
from prover.sampling.sampler import SamplerUnavailableError
from prover.sampling.serving import Checking, ModelRequest, Scoring
from prover.sampling.vllm.engine_settings import EngineSettings
from prover.sampling.weights import SHIPPED
from tests.support.scripted_engine import DEADLY, ScriptedEngine
from tests.support.waiting import becomes

ray = pytest.importorskip("ray")
pytestmark = [pytest.mark.timeout(300), pytest.mark.asyncio(loop_scope="module")]

BASE = SHIPPED / "base"
DRIVER = """
import asyncio, os, sys
from pathlib import Path
from prover.sampling.replicas.engines import ReplicatedEngines
from prover.sampling.replicas.ray import RayPlaces
from prover.sampling.serving import ModelRequest
from prover.sampling.vllm.engine_settings import EngineSettings
from tests.support.scripted_engine import ScriptedEngine

async def main(address, checkpoint, told):
    engines = ReplicatedEngines(RayPlaces(address), 2, make=ScriptedEngine)
    await engines.open()
    engine = engines.make("base", Path(checkpoint), EngineSettings(), 0, 8, asyncio.Lock(), None)
    await engine.start()
    texts = [(await engine.answer(ModelRequest([1], 1, 1, family=str(n)))).text for n in range(20)]
    Path(told + ".part").write_text(" ".join({text.split()[-1] for text in texts}))
    os.rename(told + ".part", told)
    await asyncio.sleep(600)

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(hosts=2, samplers=3) as cluster:
        yield cluster


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"_BEAT_SECONDS": 0.05, "_AGAIN_SECONDS": 0.05, "_METRICS_SECONDS": 0.1}.items():
        monkeypatch.setattr(module, name, value)


async def right(_copy: Scoring) -> None:
    """Every copy is."""


@contextlib.asynccontextmanager
async def engine_on(
    cluster: LocalCluster, replicas: int = 2, checkpoint: Path = BASE, check: Checking = right
) -> AsyncIterator[ReplicatedEngine]:
    engines = ReplicatedEngines(RayPlaces(cluster.address), replicas, make=ScriptedEngine)
    await engines.open()
    engine = engines.make("base", checkpoint, EngineSettings(), 1, 8, asyncio.Lock(), check)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()
        await engines.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine(cluster: LocalCluster) -> AsyncIterator[ReplicatedEngine]:
    async with engine_on(cluster) as engine:
        yield engine


def request(seed: int, milliseconds: int = 1, family: str = "") -> ModelRequest:
    return ModelRequest([1], seed, milliseconds, family=family or str(seed))


async def whole(engine: ReplicatedEngine) -> bool:
    return await becomes(lambda: all(one.live for one in engine.replicas), 60)


async def pid_of(engine: ReplicatedEngine, number: int = 0) -> int:
    """The process of a replica, while all are up."""
    loads = dict.fromkeys(range(len(engine.replicas)), 0)
    family = next(family for family in map(str, range(100)) if choose(family, loads) == number)
    return int((await engine.answer(request(1, family=family))).text.split()[-1])


async def asked_of_all(engine: ReplicatedEngine, seeds: int, milliseconds: int) -> list[str]:
    answers = await asyncio.gather(*(engine.answer(request(seed, milliseconds)) for seed in range(seeds)))
    return [answer.text for answer in answers]


async def test_requests_of_one_theorem_go_to_one_replica_and_theorems_to_all(engine: ReplicatedEngine) -> None:
    found: dict[str, set[str]] = {}
    for family in map(str, range(16)):
        answers = await asyncio.gather(*(engine.answer(request(seed, family=family)) for seed in range(8)))
        found[family] = {answer.text.split()[-1] for answer in answers}
        assert [answer.text.split()[:2] for answer in answers] == [["base", str(seed)] for seed in range(8)]
    assert all(len(processes) == 1 for processes in found.values())
    assert len(set.union(*found.values())) == 2


async def test_cancelling_reaches_the_engine(engine: ReplicatedEngine) -> None:
    before = engine.stats().aborted
    tasks = [asyncio.create_task(engine.answer(request(seed, 60_000))) for seed in range(20)]
    assert await becomes(lambda: engine.stats().running == 20)
    for task in tasks:
        task.cancel()
    assert await becomes(lambda: engine.stats().running == 0)
    assert engine.stats().aborted == before + 20
    assert sum(one.in_work for one in engine.replicas) == 0


async def test_every_request_is_answered_once_when_a_replica_is_killed(engine: ReplicatedEngine) -> None:
    victim = await pid_of(engine)
    finished = engine.stats().finished
    asking = asyncio.create_task(asked_of_all(engine, 300, 300))
    assert await becomes(lambda: all(one.in_work for one in engine.replicas))
    os.kill(victim, signal.SIGKILL)
    assert await becomes(lambda: engine.copies == 1)
    status = next(one for one in engine.replicas if not one.live)
    assert "does not answer" in status.problem
    texts = await asking
    assert [text.split()[:2] for text in texts] == [["base", str(seed)] for seed in range(300)]
    assert str(victim) not in {text.split()[-1] for text in texts}
    assert await whole(engine)
    assert engine.stats().finished >= finished, "what a lost replica had done is not forgotten"


async def test_a_replica_that_hangs_is_replaced(engine: ReplicatedEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SILENCE_SECONDS", 1.0)
    victim = await pid_of(engine)
    os.kill(victim, signal.SIGSTOP)
    texts = await asked_of_all(engine, 40, 10)
    assert [text.split()[1] for text in texts] == [str(seed) for seed in range(40)]
    assert await whole(engine)
    assert await becomes(lambda: not psutil.pid_exists(victim))


async def test_a_replica_that_has_work_and_samples_nothing_is_replaced(
    engine: ReplicatedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck = asyncio.create_task(engine.answer(request(1, 60_000)))
    assert await becomes(lambda: engine.stats().running == 1)
    lost = engine.lost
    monkeypatch.setattr(module, "_STALL_SECONDS", 0.3)
    assert await becomes(lambda: engine.lost > lost)
    assert await becomes(lambda: any("it has sampled nothing for 0.3 s" in one.problem for one in engine.replicas))
    stuck.cancel()
    assert await whole(engine)


async def test_an_engine_that_dies_inside_is_replaced_and_a_request_that_kills_three_is_given_up(
    engine: ReplicatedEngine,
) -> None:
    lost = engine.lost
    with pytest.raises(SamplerUnavailableError, match="3 replicas of the model base were lost over a request"):
        await engine.answer(request(DEADLY))
    assert engine.lost == lost + 3
    assert await whole(engine)


async def test_new_weights_reach_every_replica_and_those_that_come_later(cluster: LocalCluster) -> None:
    seen: list[float] = []

    async def check(copy: Scoring) -> None:
        ((score,),) = await copy.scores([1, 2])
        seen.append(score)

    async with engine_on(cluster, check=check) as engine:
        running = asyncio.create_task(asked_of_all(engine, 20, 100))
        assert await becomes(lambda: all(one.in_work for one in engine.replicas))
        async with engine.paused():
            assert {text.split()[0] for text in await running} == {"base"}
            late = asyncio.create_task(asked_of_all(engine, 20, 1))
            await engine.load(Path("newer"))
            assert await engine.scores([1, 2]) == [[-5.0], [-5.0]]
            adapter = await engine.add_adapter(Path("tuned"))
            assert not late.done()
        assert {text.split()[0] for text in await late} == {"newer"}
        os.kill(await pid_of(engine), signal.SIGKILL)
        assert await becomes(lambda: engine.copies == 1)
        assert await whole(engine)
        assert seen == [-5.0], "it was looked at before it answered"
        answers = await asyncio.gather(*(engine.answer(request(seed), adapter) for seed in range(20)))
        assert {tuple(answer.text.split()[:2]) for answer in answers} == {("newer", "tuned")}
        async with engine.paused():
            with pytest.raises(SamplerUnavailableError, match=r"^these weights cannot be read$"):
                await engine.load(Path("broken"))
        assert engine.checkpoint == Path("newer")


async def test_a_replica_of_a_host_that_is_lost_comes_back_on_another(cluster: LocalCluster) -> None:
    async with engine_on(cluster) as engine:
        first = engine.replicas[0].host
        victim = next(host for host in cluster.hosts if first.endswith(host.node_id[:8]))
        cluster.hosts.remove(victim)
        asking = asyncio.create_task(asked_of_all(engine, 100, 200))
        await asyncio.to_thread(cluster.kill, victim)
        assert [text.split()[1] for text in await asking] == [str(seed) for seed in range(100)]
        cluster.hosts.append(cluster.add())
        assert await becomes(lambda: all(one.live and one.host != first for one in engine.replicas), 60)
        # Until Ray calls the host dead it may place the replicas of the next test there.
        assert await becomes(
            lambda: not any(node["Alive"] and node["NodeID"] == victim.node_id for node in ray.nodes())
        )


async def test_metrics_of_vllm_tell_replicas_apart(engine: ReplicatedEngine) -> None:
    def told() -> set[str]:
        return {sample.labels["replica"] for metric in engine.collect() for sample in metric.samples}

    assert await becomes(lambda: told() == {"0", "1"})


async def test_a_cluster_without_room_and_weights_that_do_not_load_are_one_sentence(
    cluster: LocalCluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "broken").symlink_to(BASE)
    with pytest.raises(SamplerUnavailableError, match=r"no replica of the model base comes up: these weights cannot"):
        async with engine_on(cluster, checkpoint=tmp_path / "broken"):
            pass
    monkeypatch.setattr(module, "_PLACE_SECONDS", 1.0)
    places = RayPlaces(cluster.address, gpus=1.0)
    await places.join()
    engines = ReplicatedEngines(places, 1, make=ScriptedEngine)
    engine = engines.make("base", BASE, EngineSettings(), 0, 8, asyncio.Lock(), right)
    with pytest.raises(SamplerUnavailableError, match="no host of the cluster has room for it"):
        await engine.start()
    await places.leave()


async def test_nothing_is_left_behind_a_driver_that_is_killed(cluster: LocalCluster, tmp_path: Path) -> None:
    told = tmp_path / "pids"
    driver = await asyncio.create_subprocess_exec(sys.executable, "-c", DRIVER, cluster.address, str(BASE), str(told))
    try:
        assert await becomes(told.exists)
    finally:
        driver.kill()
        await driver.wait()
    pids = [int(pid) for pid in told.read_text().split()]
    assert len(pids) == 2
    assert await becomes(lambda: not any(map(psutil.pid_exists, pids)))
