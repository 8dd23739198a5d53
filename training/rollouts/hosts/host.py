"""What runs on a host that samples: an ordinary engine. A driver hands it a part of a batch and fetches answers as they end.

Answers depend on the weights, the part and the engine's settings alone, so that any host of the same kind gives the same.
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

_SLICE_SECONDS = 0.1  # of sampling between two answers to the driver

Files = Mapping[str, Any]
"""References to the bytes of files in Ray's object store, by their names."""


@dataclass(frozen=True, slots=True)
class HostSettings:
    """How the engine of a host is made; what is not described is as in `RolloutEngine`.

    Attributes:
        base: checkpoint on the host's disk; None: all that is needed is sent.
        threads: CPU threads of torch; None: torch's choice.
        transfer: whether weights come from the trainer's GPU.
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
    """What came of a part since the last question.

    Attributes:
        done: answers, each with the number of its request in the part.
        more: whether there are more to come.
    """

    done: Sequence[tuple[int, Response]]
    more: bool


MakeEngine = Callable[[HostSettings, Path], "RolloutEngine"]


def open_engine(settings: HostSettings, folder: Path) -> "RolloutEngine":
    """The engine of a host. `folder` has the model's files but its weights, unless the settings name a checkpoint.

    Raises:
        SamplerUnavailableError: there is no such checkpoint, or no vLLM, on this host.
    """
    os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"] = "0"  # in this process, where a part's batches repeat
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
        """Nothing is loaded yet."""
        self._settings = settings
        self._make_engine = make_engine
        self._engine: RolloutEngine | None = None
        self._version = 0
        self._steps: Iterator[None] = iter(())
        self._done: list[tuple[int, Response]] = []

    def where(self) -> str:
        """The host's address, and this process's id there."""
        import ray

        return f"{ray.util.get_node_ip_address()} (process {os.getpid()})"

    def open(self, files: Files) -> None:
        """Load the model: tens of seconds. `files` are those of the model but its weights; none: they are on the host's disk.

        Raises:
            SamplerUnavailableError: the model cannot be served here; the text says why.
        """
        with _written(files) as folder:
            self._engine = self._make_engine(self._settings, folder)

    def begin(self, version: int, files: Files, part: Sequence[RolloutRequest]) -> PartProgress:
        """Sample a part with weights of a version, fetched if the engine has others; version 0 is the checkpoint itself."""
        assert self._engine is not None
        self.stop()
        if version != self._version:
            self._load(files)
            self._version = version
        self._steps = self._engine.sampled(part, lambda number, response: self._done.append((number, response)))
        return self.go_on()

    def go_on(self) -> PartProgress:
        """Go on for a moment, or to the end of the part."""
        until, more = time.monotonic() + _SLICE_SECONDS, False
        for _ in self._steps:
            if time.monotonic() >= until:
                more = True
                break
        done, self._done = self._done, []
        return PartProgress(done, more)

    def transfer(self, method: str, arguments: dict[str, Any]) -> None:
        """See `RolloutEngine.transfer`; no part is in work."""
        assert self._engine is not None
        self._engine.transfer(method, arguments)

    def has(self, version: int) -> None:
        """The weights that were transferred are those of this version."""
        self._version = version

    def stop(self) -> None:
        """Nobody waits for the rest of the part."""
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
    """A folder with these files, while the context lasts, or this process."""
    with tempfile.TemporaryDirectory(prefix="leansieve-rollouts-") as name, _removed_after_a_kill(name):
        for file, reference in files.items():
            (Path(name) / file).write_bytes(_fetched(reference))
        yield Path(name)


@contextlib.contextmanager
def _removed_after_a_kill(folder: str) -> Iterator[None]:
    """See to it that the folder goes when this process is killed inside: what watches sees the end of its input then."""
    # Not our child: Ray ends those with us.
    command = ["sh", "-c", 'exec 3<&0; (read _ <&3; rm -rf -- "$0") &', folder]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as starter:
        starter.wait()
        yield
