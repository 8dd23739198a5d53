"""An engine for hosts that knows no model: its answers are those that weights and request alone decide, as slowly as is wanted."""

import os
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover.sampling.sampler import SamplerUnavailableError
from training.rollouts.hosts.host import HostSettings
from training.rollouts.requests import Response, RolloutRequest


@dataclass
class ScriptedEngine:
    """See the module."""

    seconds: float
    weights: int = 0

    def sampled(self, requests: Sequence[RolloutRequest], done: Callable[[int, Response], None]) -> Iterator[None]:
        for number, request in enumerate(requests):
            time.sleep(self.seconds)
            done(number, answer(self.weights, request))
            yield

    def load_weights(self, contents: Iterable[bytes]) -> None:
        self.weights = zlib.crc32(b"".join(contents))

    def transfer(self, method: str, arguments: dict[str, Any]) -> None:
        assert method == "update_weights"
        self.load_weights([arguments["content"]])

    def close(self) -> None:
        pass


def answer(weights: int, request: RolloutRequest) -> Response:
    return Response((request.seed, *request.prompt), (weights,), f"{weights} {request.seed}", True)


@dataclass(frozen=True)
class Script:
    """Makes the engine of a host, which notes its process in `folder`; all but the first take `loading` seconds for it."""

    folder: Path
    seconds: float = 0.0
    loading: float = 0.0

    def __call__(self, settings: HostSettings, files: Path) -> ScriptedEngine:
        if settings.base is not None and not settings.base.exists():
            raise SamplerUnavailableError(f"there is no checkpoint folder {settings.base}")
        if settings.base is None:
            assert (files / "config.json").exists()
            assert not list(files.glob("*.safetensors"))
        (self.folder / str(os.getpid())).touch()
        time.sleep(self.loading if len(self.processes()) > 1 else 0.0)
        return ScriptedEngine(self.seconds)

    def processes(self) -> list[int]:
        """Of the hosts that have come up so far."""
        return sorted(int(path.name) for path in self.folder.iterdir())
