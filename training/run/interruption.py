"""SIGINT and SIGTERM in a training run: the current step is finished, a checkpoint is written, and the run ends."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)
_SAME_SECONDS = 1.0
"""A terminal and our parent process may both forward the same interrupt."""
_Handler = Callable[[int, FrameType | None], object] | int | None


class InterruptedTwice(KeyboardInterrupt):
    """A second interrupt arrived while a step was being finished: the weights are inconsistent."""


class PartnerLostError(RuntimeError):
    """Lean or the sampler is gone. The finished steps are valid."""


class Interruption:
    """Turns signals into an exception at points where the weights are those of a whole step, and defers them elsewhere.

    Use it as a context manager around the steps of a run. Outside the main thread, where Python runs no signal
    handlers, it does nothing.
    """

    def __init__(self, report: Callable[[str], None], waits: bool = False) -> None:
        """Create the object; handlers are installed on entering the context.

        Args:
            report: receives lines of progress.
            waits: whether to wait for the end of a step at every point, as several processes must, in order to end
                together.
        """
        self.asked = False
        self._asked_at = 0.0
        self._report = report
        self._waits = waits
        self._depth = 0
        self._before: dict[int, _Handler] = {}

    def __enter__(self) -> "Interruption":
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @contextlib.contextmanager
    def deferred(self) -> Iterator[None]:
        """Defer a signal inside the context to its end; a second one takes effect at once."""
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if self.asked and not self._depth and not self._waits:
            raise KeyboardInterrupt

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        now = time.monotonic()
        if self.asked and now - self._asked_at < _SAME_SECONDS:
            return
        self._asked_at = now
        if self.asked:
            raise InterruptedTwice
        if not (self._depth or self._waits):
            self.asked = True
            raise KeyboardInterrupt
        self.asked = True
        self._report("interrupted: the current step is finished first; a second interrupt ends at once")
