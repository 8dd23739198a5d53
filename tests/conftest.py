"""What several tests share: Lean and vLLM are slow to start, so there is one of each for all of them."""

import gc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
import pytest_asyncio
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadFileScheduling

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.sampling.vllm.vllm_engine import EngineSettings, VllmEngineSampler

# Folders of pure tests; those of them without a marker of their own are `fast` (`make test-fast`).
_FAST = (
    "tests/protos/",
    "tests/prover/lean/wire/",
    "tests/prover/sampling/portfolio/",
    "tests/prover/search/",
    "tests/prover/source/",
    "tests/prover/test_",
    "tests/service/core/",
    "tests/service/grpc/test_convert.py",
    "tests/service/grpc/test_status.py",
    "tests/service/batch/",
    "tests/service/jsonl/",
    "tests/service/lsp/",
    "tests/service/ops/",
)


_ENGINES = {"sampler", "vllm_server"}

# No test is timed, since the machine is shared.
settings.register_profile("shared_machine", deadline=None)
settings.load_profile("shared_machine")

gc.disable()  # what is imported and collected stays: to look through it, again and again, takes a sixth of the time of a collection


def pytest_collection_finish() -> None:
    """Look for garbage again."""
    gc.enable()


class ByResource(LoadFileScheduling):
    """The tests of a file run in one process, and so do all that share engines of vLLM; each engine is started once.

    `--dist=loadgroup` has no effect with pytest 9.2 (pytest-xdist issue 1386), and without it every process starts everything.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = super()._split_scope(nodeid)
        return "vllm" if "vllm" in file else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """For `--dist=loadfile`."""
    return ByResource(config, log) if config.option.dist == "loadfile" else None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark pure tests."""
    if item.nodeid.startswith(_FAST) and not any(map(item.get_closest_marker, ("lean", "vllm", "slow"))):
        item.add_marker(pytest.mark.fast)
    if not _ENGINES.isdisjoint(getattr(item, "fixturenames", ())) and "vllm" not in item.nodeid.split("::")[0]:
        raise pytest.UsageError(f"{item.nodeid} shares an engine of vLLM: its file's path has to say `vllm`")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests without Lean come second, while the first process prepares Lean for all; fast ones come last, so that all
    processes have work to the end.
    """
    first = next((item.path for item in items if item.get_closest_marker("lean")), None)

    def place(item: pytest.Item) -> int:
        if item.get_closest_marker("fast"):
            return 3
        return 0 if item.path == first else 2 if item.get_closest_marker("lean") else 1

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def _no_store_of_the_user() -> Iterator[None]:
    """Servers that tests start keep nothing, know nothing and certify nothing, unless a test says so."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LEANSIEVE_STORE__URL", "none")
        environment.setenv("LEANSIEVE_LEAN__CERTIFY", "never")  # emulated toolchains; certifying has tests of its own
        environment.setenv("LEANSIEVE_SEARCH__SECONDS", "15")  # a search uses all its time
        # Tests run side by side: a second worker of each would cost its start.
        environment.setenv("LEANSIEVE_LEAN__WORKERS", "1")
        environment.setenv("LEANSIEVE_LEAN__SPARES", "0")
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def lean_pool() -> AsyncIterator[WorkerPool]:
    """Two warm workers of the embedded Lean, for tests marked `lean`. The grace is long: the machine may be busy."""
    async with WorkerPool(EmbeddedLean(), PoolConfig(workers=2, spares=0, grace_seconds=5.0)) as pool:
        await pool.ready()
        yield pool


@pytest.fixture(scope="session")
def weights_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A base, a tuned checkpoint and a tuned adapter, as `VllmEngineSampler` serves them."""
    from tests.support.models.tiny_weights import make_weights  # imports torch, which few tests need

    folder = tmp_path_factory.mktemp("weights")
    make_weights(folder)
    return folder


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sampler(weights_folder: Path) -> AsyncIterator[VllmEngineSampler]:
    """Two engines, for tests marked `vllm`: the base with an adapter, and the tuned checkpoint."""
    before = engine_processes()
    sampler = VllmEngineSampler(weights_folder, EngineSettings(sequences=16))
    await sampler.start()
    yield sampler
    await sampler.close()
    assert engine_processes() <= before


@pytest.fixture(scope="session")
def vllm_server(weights_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a `vllm serve` that has the base under two names, for tests marked `vllm`."""
    from tests.support.models.vllm_serve import serving

    with serving(weights_folder / "base", tmp_path_factory.mktemp("serve") / "log") as url:
        yield url


def engine_processes() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True) if "VLLM" in child.name()}
