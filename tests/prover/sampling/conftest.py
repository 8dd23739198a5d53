"""One set of real engines for all tests of the vLLM samplers: engines are slow to start."""

from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from prover.sampling.vllm_engine import EngineSettings, VllmEngineSampler
from tests.prover.sampling.tiny_weights import make_weights


@pytest.fixture(scope="session")
def weights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, a tuned checkpoint and a tuned adapter, as `VllmEngineSampler` serves them."""
    folder = tmp_path_factory.mktemp("weights")
    make_weights(folder)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sampler(weights_folder: Path) -> AsyncIterator[VllmEngineSampler]:
    """Two engines: the base with an adapter, and the tuned checkpoint."""
    before = engine_processes()
    sampler = VllmEngineSampler(weights_folder, EngineSettings(sequences=16))
    await sampler.start()
    yield sampler
    await sampler.close()
    assert engine_processes() <= before


def engine_processes() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if "VLLM" in child.name()}
