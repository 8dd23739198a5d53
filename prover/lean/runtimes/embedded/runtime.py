"""`EmbeddedLean`: Lean as WebAssembly under Node; needs nothing installed beyond this package."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cache
from importlib import resources
from pathlib import Path

from prover.lean.runtimes.embedded.cache.images import alone, images_for
from prover.lean.runtimes.embedded.cache.install import Installation, install
from prover.lean.runtimes.embedded.cache.package import Progress
from prover.lean.runtimes.embedded.cache.pages import pages_library
from prover.lean.runtimes.embedded.cache.retention import hold
from prover.lean.runtimes.embedded.cache.warming import code_folder, warm
from prover.lean.runtimes.embedded.node import node_binary
from prover.lean.runtimes.runtime import Launch, RuntimeUnavailableError
from prover.lean.wire.role import ProcessRole

# Lean recurses deeply. V8 must be told of less stack than exists, so that overflow is an error and not a crash. With
# this size, Lean's own limit (host/stack.js) is reached first wherever Lean checks it, at any `maxRecDepth`.
_STACK_BYTES = 80 << 20
_V8_STACK_KIB = 62 << 10
_NODE_OPTIONS = [
    f"--stack-size={_V8_STACK_KIB}",
    "--wasm-lazy-validation",  # most of the 115 MB of functions are never called
    "--allow-natives-syntax",  # needed by host/image.js to store compiled code
    # Node itself denies Lean processes and all but a few folders, should Lean find a way to ask for them.
    "--permission",
    "--allow-worker",  # for the cancelling thread and Lean's own
    "--disable-warning=SecurityWarning",
]


def _no_progress(_doing: str, _done: int, _total: int) -> None:
    pass


class EmbeddedLean:
    """A `LeanRuntime` that needs no toolchain. A worker keeps one import set for its whole life."""

    name = "embedded"
    single_import_set = True
    contained = False

    def __init__(self, progress: Progress = _no_progress, program: str | None = None) -> None:
        """Create the runtime; nothing is prepared.

        Args:
            progress: receives the progress of `prepare`.
            program: source of the worker program, if not this package's.
        """
        self._progress = progress
        self._program = program
        self._installation: Installation | None = None

    @property
    def shares_memory(self) -> bool:
        """Whether workers map their image (pages.py)."""
        return pages_library() is not None

    def prepare(self) -> None:
        """Download and unpack Lean into the user's cache at the first call; later calls only check it.

        Raises:
            RuntimeUnavailableError: Node is missing, or Lean cannot be fetched or written to disk.
        """
        node_binary()
        self._installation = install(self._program or joined_program(), self._progress)
        _modules(self._installation.library)

    def has_module(self, module: str) -> bool:
        """Whether the library has `module`; also True before `prepare`, when it is unknown."""
        return self._installation is None or module in _modules(self._installation.library)

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        """Return how to start a worker; requires a successful `prepare`.

        The first process for `imports` stores an image of itself, from which later ones start in less than a second;
        workers and judges also store compiled code, separately for each role. An elaborator stores nothing: Node denies
        it writing, evaluating source text and network access.
        """
        images = images_for(self._prepared(), imports)
        launch = self._launch(images, "--run", "/program/Worker.lean", "/imports", role=role)
        return replace(launch, env={**launch.env, "LEANSIEVE_IMPORTS": " ".join(imports)})

    @asynccontextmanager
    async def first(self, imports: Sequence[str]) -> AsyncIterator[None]:
        """Let one of several concurrently starting processes make the image of `imports` while the others wait for it.

        Before the first start of this Lean with this Node, one process makes compiled code for all later ones.
        """
        await asyncio.to_thread(self.prepare)
        if not self.code().is_dir():
            self._progress("compiling Lean, once for all later starts", 0, 0)
        await warm(self.code(), lambda folder: self._warming(imports, folder), imports)
        images = await asyncio.to_thread(images_for, self._prepared(), imports)
        if images and not images[-1].is_dir():
            modules = " ".join(imports)
            self._progress(f"building an image of Lean with {modules}, from which later starts take a second", 0, 0)
        async with alone(images):
            yield

    def _warming(self, imports: Sequence[str], folder: Path | None) -> Launch:
        """Launch a worker that stores its code in `folder`, if given, when it ends."""
        launch = self.launch(imports)
        if folder is None:
            return launch
        node, *arguments = launch.argv
        env = {**launch.env, "LEANSIEVE_WARMING": str(folder)}
        return replace(
            launch, argv=[node, f"--allow-fs-read={folder}", f"--allow-fs-write={folder}", *arguments], env=env
        )

    def code(self) -> Path:
        """The folder of compiled code for all workers. V8 accepts only code of the same version and options."""
        runtime = self._prepared().runtime
        node = node_binary()
        return code_folder(runtime.parent, [runtime.name, str(node), str(node.stat().st_mtime_ns), *_NODE_OPTIONS])

    def lean_version(self) -> str:
        """Return the output of `lean --version`. Takes seconds.

        Raises:
            RuntimeUnavailableError: Lean does not start.
        """
        launch = self._launch([], "--version")
        done = subprocess.run(
            list(launch.argv),
            env=dict(launch.env),
            cwd=launch.cwd,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("Lean ")]
        if done.returncode != 0 or not lines:
            raise RuntimeUnavailableError(
                f"the embedded Lean does not start (exit status {done.returncode}): {done.stderr.strip()[-300:]}"
            )
        return lines[0]

    def _launch(self, images: Sequence[Path], *arguments: str, role: ProcessRole = ProcessRole.WORKER) -> Launch:
        installation = self._prepared()
        host = Path(str(resources.files(__package__).joinpath("host"))).resolve()
        readable = [host, installation.runtime, installation.library, installation.program]
        env = {
            "LEANSIEVE_RUNTIME": str(installation.runtime),
            "LEANSIEVE_LIBRARY": str(installation.library),
            "LEANSIEVE_PROGRAM": str(installation.program),
        }
        options = [*_NODE_OPTIONS]
        if (library := pages_library()) is not None:
            env["LD_PRELOAD"] = str(library)
        if images:
            env["LEANSIEVE_IMAGES"] = os.pathsep.join(map(str, images))
            code = (
                ProcessRole.JUDGE if role is ProcessRole.JUDGE else ProcessRole.WORKER
            )  # an elaborator uses the code of workers
            env["LEANSIEVE_CODE"] = code
            if role is not ProcessRole.JUDGE and hold(warmed := self.code()):
                env["LEANSIEVE_WARMED"] = str(warmed / "code")
                readable.append(warmed)
            readable.append(installation.images)
            # A complete image is memory of other processes and only gains compiled code; a new one is drafted next to
            # it.
            if role is not ProcessRole.ELABORATOR:
                options.append(f"--allow-fs-write={images[-1] / code if images[-1].is_dir() else installation.images}")
        if role is ProcessRole.ELABORATOR:
            env["LEANSIEVE_SEALED"] = "1"
        options += [f"--allow-fs-read={folder}" for folder in readable]
        return Launch(
            argv=[str(node_binary()), *options, str(host / "host.js"), *arguments],
            env=env,
            cwd=installation.program,
            cancel="memory",
            stack_bytes=_STACK_BYTES,
        )

    def _prepared(self) -> Installation:
        if self._installation is None:
            raise RuntimeUnavailableError("the embedded Lean was not prepared: call prepare() first")
        return self._installation


@cache
def _modules(library: Path) -> frozenset[str]:
    """Modules of the library: a client's import is looked up here and never used as a path."""
    return frozenset(".".join(file.relative_to(library).with_suffix("").parts) for file in library.rglob("*.olean"))


def joined_program() -> str:
    """Return the worker program as one file: `prover/lean/worker/*/*.lean`, ordered by file name regardless of folder.

    The first file holds `module`, the imports and the options, the last one `main`.
    """
    folder = Path(str(resources.files("prover.lean").joinpath("worker")))
    parts = sorted(folder.rglob("*.lean"), key=lambda part: part.name)
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)
