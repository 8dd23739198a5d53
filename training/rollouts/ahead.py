"""Sampling ahead: the next batch is sampled and checked in a thread while the last one is learned from.

Batch n is sampled by weights that have had n - 1 - `max_staleness` updates at least. New weights are laid down by the
trainer and taken up by the engine between two batches. The engine has a process of its own, so that both really run at
the same time.
"""

import contextlib
import queue
import threading
from collections.abc import Iterator

from training.rollouts.collector import Batch, Collector, Cursor
from training.rollouts.requests import SamplingStoppedError


class Ahead:
    """Collects batches in a thread of its own. Use it as a context manager."""

    def __init__(self, collector: Collector, start: Cursor, version: int, max_staleness: int) -> None:
        """Nothing is sampled yet.

        Args:
            start: where the first batch begins.
            version: how many updates the engine's weights have had.
            max_staleness: how many updates older than the learner a batch's weights may be.
        """
        self._collector = collector
        self._start = start
        self._first = version
        self._max_staleness = max_staleness
        self._learned = version
        self._engine = threading.Lock()
        self._moved = threading.Condition()
        self._stopped = threading.Event()
        self._batches: queue.Queue[Batch | BaseException] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="rollouts", daemon=True)

    def __enter__(self) -> "Ahead":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        with self._moved:
            self._moved.notify_all()
        self._thread.join()

    def next(self) -> Batch:
        """The next batch, when it is there. Raises what went wrong while it was collected."""
        found = self._batches.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def learned(self, version: int) -> None:
        """The trainer has made so many updates, and `engine.write` has laid down their weights."""
        with self._moved:
            self._learned = version
            self._moved.notify_all()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """The engine is the caller's inside; a batch that is being sampled is finished first."""
        with self._engine:
            yield

    def _work(self) -> None:
        cursor, number = self._start, self._first
        try:
            while cursor.spent < self._collector.budget:
                version = self._until_due(number)
                if self._stopped.is_set():
                    return
                with self._engine:
                    self._collector.engine.load_written()
                    batch = self._collector.collect(cursor, version, stopped=self._stopped)
                self._batches.put(batch)
                cursor, number = batch.cursor, number + 1
        except SamplingStoppedError:
            return
        except BaseException as error:  # the trainer's thread raises it
            self._batches.put(error)

    def _until_due(self, number: int) -> int:
        """Wait until batch `number` may begin, or the end; how many updates the newest weights have had."""
        with self._moved:
            self._moved.wait_for(lambda: self._stopped.is_set() or number - self._learned <= self._max_staleness)
            return self._learned
