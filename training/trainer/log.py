"""Metrics of a run: one JSON object per line, TensorBoard, and optionally Weights & Biases."""

import contextlib
import hashlib
import json
import signal
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from torch.utils.tensorboard import SummaryWriter

from prover.atomic import atomic_write_text


class MetricsLog:
    """Writes `metrics.jsonl` and TensorBoard events into a run's folder.

    A resumed run passes its step: entries of later steps are dropped, because these are done again, so that every step
    is in the file once.
    """

    def __init__(self, folder: Path, resumed_step: int = 0, wandb: str | None = None) -> None:
        """Open the files.

        Args:
            wandb: Weights & Biases project that also receives the metrics.

        Raises:
            ModuleNotFoundError: the package wandb is not installed, and a project is named.
        """
        folder.mkdir(parents=True, exist_ok=True)
        # May fail, so it comes before files are opened.
        self._wandb = None if wandb is None else _wandb_run(wandb, folder)
        self._path = folder / "metrics.jsonl"
        self._drop_beyond(resumed_step)
        self._lines = self._path.open("a", encoding="utf-8")
        self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=resumed_step + 1)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log one step."""
        with _uninterrupted():
            self._lines.write(json.dumps({"step": step, "time": round(time.time(), 3), **metrics}) + "\n")
            self._lines.flush()
            for name, value in metrics.items():
                self._events.add_scalar(name, value, step)
            if self._wandb is not None:
                self._wandb.log(dict(metrics), step=step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        with _uninterrupted():
            self._lines.close()
            self._events.close()
            if self._wandb is not None:
                self._wandb.finish()

    def _drop_beyond(self, step: int) -> None:
        if not self._path.exists():
            return
        lines = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    lines.append(line + "\n")
            except ValueError:  # the incomplete last line of a run that was killed while it wrote
                break
        atomic_write_text(self._path, "".join(lines))


def _wandb_run(project: str, folder: Path) -> Any:
    """Start or resume the run in Weights & Biases; its files are in the run's folder."""
    import wandb  # an optional dependency

    name = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    return wandb.init(project=project, name=folder.name, id=name, resume="allow", dir=str(folder))


@contextlib.contextmanager
def _uninterrupted() -> Iterator[None]:
    """Defer SIGINT and SIGTERM to the end of the context.

    If a handler raised while TensorBoard holds its lock, the lock would stay taken, and closing would wait forever.
    """
    if threading.current_thread() is not threading.main_thread():  # handlers do not run there
        yield
        return
    received: list[int] = []
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    # None: not installed by Python.
    before = {number: handler for number, handler in handlers.items() if handler is not None}
    try:
        for number in before:
            signal.signal(number, lambda number, frame: received.append(number))
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for late in received:
            signal.raise_signal(late)
