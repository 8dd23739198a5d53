"""Two replicas of the shipped base on two hosts: a real Ray cluster, the real vLLM, weights that come in, a replica that is killed."""

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from prover.lean.cluster.ray.local import LocalCluster, local_cluster
from prover.sampling.replicas.engine import ReplicatedEngine
from prover.sampling.replicas.engines import ReplicatedEngines
from prover.sampling.replicas.ray import RayPlaces
from prover.sampling.sampler import SamplingParams
from prover.sampling.vllm.vllm_engine import EngineSettings, VllmEngineSampler
from prover.sampling.weights import SHIPPED, Probe, Weights, WeightsError, read_weights, write_weights
from prover.theorem import Theorem
from tests.support.waiting import becomes

pytest.importorskip("ray")
# Two replicas import vLLM in four processes: a minute of processor time before the first answer.
pytestmark = [pytest.mark.vllm, pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    with local_cluster(hosts=2, samplers=1) as cluster:
        yield cluster


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The shipped weights with their base alone."""
    base = read_weights(SHIPPED).model("base")
    shutil.copytree(SHIPPED / base.folder, tmp_path / base.folder)
    write_weights(tmp_path, Weights(base="base", models=(base,), prompt_format=read_weights(SHIPPED).prompt_format))
    return tmp_path


def with_weights_of(folder: Path, name: str, home: str, probe: Probe | None = None) -> None:
    """Have the folder's base be another of the shipped models."""
    there, other = read_weights(folder), read_weights(SHIPPED).model(name)
    shutil.copytree(SHIPPED / other.folder, folder / home)
    base = other.model_copy(update={"name": "base", "alpha": None, "folder": home, "probe": probe or other.probe})
    write_weights(folder, there.model_copy(update={"models": (base,)}))


def processes(cluster: LocalCluster) -> list[psutil.Process]:
    """All that run on the cluster's hosts."""
    return [one for pid in cluster.processes() for one in psutil.Process(pid).children(recursive=True)]


async def test_a_theorem_is_sampled_on_one_replica_whatever_happens_to_the_other(
    cluster: LocalCluster, folder: Path
) -> None:
    engines = ReplicatedEngines(RayPlaces(cluster.address), 2)
    sampler = VllmEngineSampler(folder, EngineSettings(sequences=16), engines=engines)
    await sampler.start()
    try:
        (engine,) = sampler._fleet.engines
        assert isinstance(engine, ReplicatedEngine)

        async def drawn(number: int, samples: int = 8) -> dict[int | None, str]:
            theorem = Theorem(f"theorem t (a b : Nat) : a + b + {number} = b + a + {number}")
            params = SamplingParams(samples=samples, seed=1, max_tokens=32)
            return {one.seed: one.text async for one in sampler.sample(theorem, params)}

        # 1. Every seed once; the same from whichever replica.
        found = [await drawn(number) for number in range(4)]
        assert all(sorted(map(int, one)) == list(range(1, 9)) for one in found)
        assert len({text for one in found for text in one.values()}) > 4

        # 2. One is killed at its work.
        tasks = [asyncio.create_task(drawn(number)) for number in range(4)]
        assert await becomes(lambda: all(one.in_work for one in engine.replicas))
        victim = next(one for one in processes(cluster) if one.cmdline()[0].startswith("ray::ReplicaActor"))
        behind = victim.children(recursive=True)
        assert behind, "vLLM's engine is a process of its own"
        victim.kill()
        assert await asyncio.gather(*tasks) == found
        assert await becomes(lambda: not any(map(psutil.Process.is_running, behind)))
        assert engine.copies == 1

        # 3. New weights while it is away; it comes back with them.
        with_weights_of(folder, "alpha-0.999", "newer")
        await sampler.reload()
        newer = [await drawn(number) for number in range(4)]
        assert newer != found
        assert await becomes(lambda: engine.copies == 2, 300)
        assert [await drawn(number) for number in range(4)] == newer
        assert await becomes(lambda: min(one.stats.finished for one in engine.live) > 2), "both answer"

        # 4. What is not what it should be is refused by all.
        with_weights_of(folder, "alpha-0.25", "other", probe=read_weights(folder).models[0].probe)
        with pytest.raises(WeightsError, match="does not compute with base the trainer"):
            await sampler.reload()
        assert [await drawn(number) for number in range(4)] == newer
    finally:
        await sampler.close()
    assert not [one for one in processes(cluster) if "VLLM" in one.name()]
