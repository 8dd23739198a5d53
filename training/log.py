"""Metrics of a run: one JSON object a line, and TensorBoard."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from torch.utils.tensorboard import SummaryWriter


class MetricsLog:
    """Writes `metrics.jsonl` and TensorBoard events into a run's folder.

    A resumed run passes the step it goes on from: what was logged beyond it belongs to steps that will be done again,
    and is dropped, so that every step stands in the file once.
    """

    def __init__(self, folder: Path, resumed_step: int = 0) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / "metrics.jsonl"
        self._drop_beyond(resumed_step)
        self._lines = self._path.open("a", encoding="utf-8")
        self._events = SummaryWriter(str(folder / "tensorboard"), purge_step=resumed_step + 1)

    def write(self, step: int, metrics: Mapping[str, float]) -> None:
        """Log one step."""
        self._lines.write(json.dumps({"step": step, "time": round(time.time(), 3), **metrics}) + "\n")
        self._lines.flush()
        for name, value in metrics.items():
            self._events.add_scalar(name, value, step)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._lines.close()
        self._events.close()

    def _drop_beyond(self, step: int) -> None:
        if not self._path.exists():
            return
        kept = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                if json.loads(line)["step"] <= step:
                    kept.append(line + "\n")
            except ValueError:  # the last line of a run that was killed while it wrote
                break
        self._path.write_text("".join(kept), encoding="utf-8")
