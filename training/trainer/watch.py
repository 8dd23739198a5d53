"""Where the time of a step goes."""

import time


class Watch:
    """Laps of one step, in seconds of wall-clock time.

    On a GPU a lap ends when its work is queued, unless it reads a result: what is left of it counts to the next.
    """

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.monotonic()

    def lap(self, name: str) -> None:
        """What came since the last call is called so."""
        now = time.monotonic()
        key = f"seconds_{name}"
        self.laps[key] = self.laps.get(key, 0.0) + now - self._last
        self._last = now
