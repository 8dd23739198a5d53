"""The process on a sampling host: an ordinary engine. A driver gives it a part of a batch and fetches finished answers.

Answers depend on the weights, the part and the engine's settings alone, so that hosts of the same kind are
interchangeable.
"""

import contextlib
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.rollouts.requests import Response, RolloutRequest

if TYPE_CHECKING:  # slow to import
    from training.rollouts.engine import RolloutEngine

_SLICE_SECONDS = 0.1  # of sampling between two reports to the driver

Files = Mapping[str, Any]
"""References to files' contents in Ray's object store, by file name."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """Settings of a host's engine; fields without a description are as in `RolloutEngine`.

    Attributes:
        base: checkpoint on the host's disk; None: all files are sent.
        threads: CPU threads of torch; None: torch's choice.
        transfer: whether weights are transferred from the trainer's GPU.
    """

    base: Path | None
    context: int
    sequences: int
    gpu_memory: float
    adapter_rank: int | None
    stop: tuple[str, ...]
    threads: int | None
    transfer: bool = False


@dataclass(frozen=True, slots=True)
class PartProgress:
    """Progress of a part since the last report.

    Attributes:
        done: answers, each with the number of its request in the part.
        more: whether more will follow.
    """

    done: Sequence[tuple[int, Response]]
    more: bool


MakeEngine = Callable[[HostSettings, Path], "RolloutEngine"]


def open_engine(settings: HostSettings, folder: Path) -> "RolloutEngine":
    """Make a host's engine. `folder` has the model's files without weights, unless the settings name a checkpoint.

    Raises:
        SamplerUnavailableError: there is no such checkpoint, or no vLLM, on this host.
    """
    # In this process, so that the batches of a part are reproducible.
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"
    import torch

    from training.rollouts.engine import RolloutEngine

    torch.use_deterministic_algorithms(not torch.cuda.is_available())
    engine = RolloutEngine(
        settings.base or folder,
        folder,
        settings.context,
        settings.sequences,
        settings.gpu_memory,
        settings.adapter_rank,
        settings.stop,
        empty=settings.base is None,
        transfer=settings.transfer,
    )
    if settings.threads is not None:
        torch.set_num_threads(settings.threads)
    return engine


class SamplerHost:
    """Samples parts of batches for one driver, one at a time."""

    def __init__(self, settings: HostSettings, make_engine: MakeEngine = open_engine) -> None:
        """Create the host; nothing is loaded."""
        self._settings = settings
        self._make_engine = make_engine
        self._engine: RolloutEngine | None = None
        self._version = 0
        self._steps: Iterator[None] = iter(())
        self._done: list[tuple[int, Response]] = []

    def where(self) -> str:
        """Return the host's address and this process's id."""
        import ray

        return f"{ray.util.get_node_ip_address()} (process {os.getpid()})"

    def open(self, files: Files) -> None:
        """Load the model, which takes tens of seconds. `files` are those of the model without weights; none: they are
        on the host's disk.

        Raises:
            SamplerUnavailableError: the model cannot be served here; the text gives the reason.
        """
        with _written(files) as folder:
            self._engine = self._make_engine(self._settings, folder)

    def begin(self, version: int, files: Files, part: Sequence[RolloutRequest]) -> PartProgress:
        """Start to sample a part with weights of a version, fetched if the engine has others; version 0 is the
        checkpoint itself.
        """
        assert self._engine is not None
        self.stop()
        if version != self._version:
            self._load(files)
            self._version = version
        self._steps = self._engine.sampled(part, lambda number, response: self._done.append((number, response)))
        return self.go_on()

    def go_on(self) -> PartProgress:
        """Continue for a short time, or to the end of the part."""
        until, unfinished = time.monotonic() + _SLICE_SECONDS, False
        for _ in self._steps:
            if time.monotonic() >= until:
                unfinished = True
                break
        done, self._done = self._done, []
        return PartProgress(done, unfinished)

    def transfer(self, method: str, arguments: dict[str, Any]) -> None:
        """See `RolloutEngine.transfer`; call it only between parts."""
        assert self._engine is not None
        self._engine.transfer(method, arguments)

    def has(self, version: int) -> None:
        """Record that the transferred weights have this version."""
        self._version = version

    def stop(self) -> None:
        """Stop the part: its remaining answers are not needed."""
        if close := getattr(self._steps, "close", None):
            close()
        self._steps, self._done = iter(()), []

    def close(self) -> None:
        """End the engine."""
        self.stop()
        if self._engine is not None:
            self._engine.close()

    def _load(self, files: Files) -> None:
        assert self._engine is not None
        if "adapter_config.json" in files:
            with _written(files) as folder:
                self._engine.adapt(folder)
            return
        weights = [reference for name, reference in files.items() if name.endswith(".safetensors")]
        self._engine.load_weights(map(_fetched, weights))


def _fetched(reference: Any) -> bytes:
    import ray

    content: bytes = ray.get(reference).tobytes()
    return content


@contextlib.contextmanager
def _written(files: Files) -> Iterator[Path]:
    """Yield a folder with these files, deleted at the end of the context or of this process."""
    with tempfile.TemporaryDirectory(prefix="leansieve-rollouts-") as name, _removed_after_a_kill(name):
        for file, reference in files.items():
            (Path(name) / file).write_bytes(_fetched(reference))
        yield Path(name)


@contextlib.contextmanager
def _removed_after_a_kill(folder: str) -> Iterator[None]:
    """Start a watcher that deletes the folder if this process is killed, which it notices by the end of its input."""
    # Detached, because Ray kills our children with us.
    command = ["sh", "-c", 'exec 3<&0; (read _ <&3; rm -rf -- "$0") &', folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as starter:
        starter.wait()
        yield
