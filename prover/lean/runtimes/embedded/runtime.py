"""`EmbeddedLean`: Lean as WebAssembly under Node, with nothing to install beyond this package."""

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

# Lean recurses deeply. V8 must know of less stack than there is: else running out of it is a crash instead of an error.
# With this much, Lean's own limit (host/stack.js) is met first wherever Lean looks, whatever `maxRecDepth` is.
_STACK_BYTES = 80 << 20
_V8_STACK_KIB = 62 << 10
_NODE_OPTIONS = [
    f"--stack-size={_V8_STACK_KIB}",
    "--wasm-lazy-validation",  # of 115 MB of functions, most are never used
    "--allow-natives-syntax",  # lets host/image.js keep compiled code
    # Node itself refuses what Lean must not do, should Lean find a way to ask: processes, and files but for a few folders.
    "--permission",
    "--allow-worker",  # a thread to cancel, and Lean's own
    "--disable-warning=SecurityWarning",
]


def _no_progress(_doing: str, _done: int, _total: int) -> None:
    pass


class EmbeddedLean:
    """A `LeanRuntime` that needs no toolchain. Its workers keep one import set for life."""

    name = "embedded"
    single_import_set = True
    contained = False

    def __init__(self, progress: Progress = _no_progress, program: str | None = None) -> None:
        """Nothing happens yet.

        Args:
            progress: told how far `prepare` is.
            program: text of the worker program, if not the one that comes with this package.
        """
        self._progress = progress
        self._program = program
        self._installation: Installation | None = None

    @property
    def shares_memory(self) -> bool:
        """Whether workers map what they start from (pages.py)."""
        return pages_library() is not None

    def prepare(self) -> None:
        """Downloads and unpacks Lean into the user's cache the first time; later calls only look.

        Raises:
            RuntimeUnavailableError: Node is missing, or Lean cannot be fetched or written to disk.
        """
        node_binary()
        self._installation = install(self._program or joined_program(), self._progress)
        _modules(self._installation.library)

    def has_module(self, module: str) -> bool:
        """Whether the library has `module`; True also before `prepare`, when it is unknown."""
        return self._installation is None or module in _modules(self._installation.library)

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        """How to start a worker; `prepare` must have succeeded before.

        The first process for `imports` leaves an image of itself behind, from which later ones start in less than a second; workers
        and judges also keep what they compiled, each for their own kind. An elaborator leaves nothing: Node lets it write nowhere,
        and keeps it from evaluating texts and from the network.
        """
        images = images_for(self._prepared(), imports)
        launch = self._launch(images, "--run", "/program/Worker.lean", "/imports", role=role)
        return replace(launch, env={**launch.env, "LEANSIEVE_IMPORTS": " ".join(imports)})

    @asynccontextmanager
    async def first(self, imports: Sequence[str]) -> AsyncIterator[None]:
        """Of several processes that start together, one makes the image of `imports`; the others wait for it.

        Before the very first of this Lean and this Node, one makes compiled code for all that come later.
        """
        await asyncio.to_thread(self.prepare)
        await warm(self.code(), lambda folder: self._warming(imports, folder), imports)
        async with alone(await asyncio.to_thread(images_for, self._prepared(), imports)):
            yield

    def _warming(self, imports: Sequence[str], folder: Path | None) -> Launch:
        """A worker; in the end it leaves its code in `folder`, if there is one."""
        launch = self.launch(imports)
        if folder is None:
            return launch
        node, *rest = launch.argv
        env = {**launch.env, "LEANSIEVE_WARMING": str(folder)}
        return replace(launch, argv=[node, f"--allow-fs-read={folder}", f"--allow-fs-write={folder}", *rest], env=env)

    def code(self) -> Path:
        """Where compiled code for all workers is kept. V8 takes code of the same V8 under the same options alone."""
        runtime = self._prepared().runtime
        node = node_binary()
        return code_folder(runtime.parent, [runtime.name, str(node), str(node.stat().st_mtime_ns), *_NODE_OPTIONS])

    def lean_version(self) -> str:
        """What `lean --version` prints. Takes seconds.

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
        here = self._prepared()
        host = Path(str(resources.files(__package__).joinpath("host"))).resolve()
        readable = [host, here.runtime, here.library, here.program]
        env = {
            "LEANSIEVE_RUNTIME": str(here.runtime),
            "LEANSIEVE_LIBRARY": str(here.library),
            "LEANSIEVE_PROGRAM": str(here.program),
        }
        options = [*_NODE_OPTIONS]
        if (library := pages_library()) is not None:
            env["LD_PRELOAD"] = str(library)
        if images:
            env["LEANSIEVE_IMAGES"] = os.pathsep.join(map(str, images))
            code = (
                ProcessRole.JUDGE if role is ProcessRole.JUDGE else ProcessRole.WORKER
            )  # an elaborator does what workers do
            env["LEANSIEVE_CODE"] = code
            if role is not ProcessRole.JUDGE and hold(warmed := self.code()):
                env["LEANSIEVE_WARMED"] = str(warmed / "code")
                readable.append(warmed)
            readable.append(here.images)
            # One that is complete is other processes' memory and gets compiled code only; to make one takes a draft next to it.
            if role is not ProcessRole.ELABORATOR:
                options.append(f"--allow-fs-write={images[-1] / code if images[-1].is_dir() else here.images}")
        if role is ProcessRole.ELABORATOR:
            env["LEANSIEVE_SEALED"] = "1"
        options += [f"--allow-fs-read={folder}" for folder in readable]
        return Launch(
            argv=[str(node_binary()), *options, str(host / "host.js"), *arguments],
            env=env,
            cwd=here.program,
            cancel="memory",
            stack_bytes=_STACK_BYTES,
        )

    def _prepared(self) -> Installation:
        if self._installation is None:
            raise RuntimeUnavailableError("the embedded Lean was not prepared: call prepare() first")
        return self._installation


@cache
def _modules(library: Path) -> frozenset[str]:
    """The modules of the library: a client's import is looked up here and never becomes a path."""
    return frozenset(".".join(file.relative_to(library).with_suffix("").parts) for file in library.rglob("*.olean"))


def joined_program() -> str:
    """The worker program as one file: `prover/lean/worker/*/*.lean` in the order of the files' names, whatever their folder.

    The first file has `module`, the imports and the options; the last one `main`.
    """
    folder = Path(str(resources.files("prover.lean").joinpath("worker")))
    parts = sorted(folder.rglob("*.lean"), key=lambda part: part.name)
    return "\n".join(part.read_text(encoding="utf-8") for part in parts)
