"""Measures the durations of a step's parts."""

import time


class Watch:
    """Laps of one step, in seconds of wall-clock time.

    On a GPU a lap ends when its work is queued, unless it reads a result; the remaining work counts for the next lap.
    """

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """Assign the time since the last call to this lap."""
        now = time.monotonic()
        key = f"seconds_{name}"
        self.laps[key] = self.laps.get(key, 0.0) + now - self._last
        self._last = now
