"""Every runtime of this machine, one after the other, each with one worker process for all tests.

`embedded` always exists. `native` exists if `lake` is on PATH. `native-emulated` is `NativeToolchain` with programs called
`lake` and `lean` that run the worker on the embedded Lean: our half of native is real there, Lean's half is not native.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.native import NativeToolchain, ResourceLimits, Sandbox
from prover.lean.runtimes.runtime import LeanRuntime, RuntimeUnavailableError
from tests.prover.lean.conformance.wire import Wire
from tests.prover.lean.runtimes.native.stand_in import emulate


def _embedded(_folder: Path) -> LeanRuntime:
    return EmbeddedLean()


def _native(folder: Path) -> LeanRuntime:
    if shutil.which("lake") is None:
        pytest.skip("there is no native Lean: `lake` is not on PATH")
    (folder / "lakefile.toml").write_text('name = "conformance"\n')
    runtime = NativeToolchain(folder)
    try:
        runtime.prepare()
    except RuntimeUnavailableError as error:
        pytest.skip(str(error))
    return runtime


def _emulated(folder: Path) -> LeanRuntime:
    lean = emulate(folder, cache=str(cache_directory()))
    # WebAssembly reserves more address space than any native limit leaves.
    limits = ResourceLimits(None, None, None)
    return NativeToolchain(lean.project, lean.environment, limits, Sandbox.NEVER, unsealed=True)


_RUNTIMES = {"embedded": _embedded, "native": _native, "native-emulated": _emulated}


@pytest.fixture(scope="session", params=list(_RUNTIMES))
def wire(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A worker after its hello. Its end is tested when its client leaves."""
    worker = Wire(_RUNTIMES[request.param](tmp_path_factory.mktemp("runtime")))
    yield worker
    worker.close()


@pytest.fixture(scope="session")
def elaborator(wire: Wire) -> Iterator[Wire]:
    """An elaborator of that runtime."""
    worker = Wire(wire.runtime, role="elaborator")
    yield worker
    worker.close()


@pytest.fixture(scope="session")
def judge(wire: Wire) -> Iterator[Wire]:
    """A judge of that runtime."""
    worker = Wire(wire.runtime, role="judge")
    yield worker
    worker.close()


@pytest.fixture
def loads_imports(wire: Wire, request: pytest.FixtureRequest) -> Wire:
    """A worker that loads further imports."""
    if wire.memory:
        pytest.skip("an embedded worker keeps its imports for life")
    if "native-emulated" in request.node.name:
        pytest.skip("the embedded Lean behind the emulation keeps its imports for life")
    return wire
