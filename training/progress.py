"""Progress of long work: a line from time to time, with the remaining time."""

import time
from collections.abc import Callable
from datetime import timedelta


class ProgressReporter:
    """Counts finished items and reports them periodically, and at the end."""

    def __init__(self, total: int, unit: str, report: Callable[[str], None], seconds: float = 10.0) -> None:
        """Begin to count.

        Args:
            total: number of items.
            unit: their name in the plural.
            report: receives lines such as `3/9 theorems, 2 proved, 0:00:12 left`.
            seconds: minimum time between two lines.
        """
        self.done = 0
        self._total, self._unit, self._report, self._seconds = total, unit, report, seconds
        self._began = self._reported = time.monotonic()

    def advance(self, summary: Callable[[], str]) -> None:
        """Count an item; `summary` describes the results so far, for a line that is due."""
        self.done += 1
        now = time.monotonic()
        if now - self._reported >= self._seconds or self.done == self._total:
            self._reported = now
            remaining = timedelta(seconds=round((now - self._began) / self.done * (self._total - self.done)))
            self._report(f"{self.done}/{self._total} {self._unit}, {summary()}, {remaining} left")
