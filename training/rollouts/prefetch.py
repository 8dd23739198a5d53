"""Sampling ahead: the next batch is sampled in a thread, and checked by Lean, while the last one is learned from.

A batch is passed on when it is sampled, so that the next one need not wait for Lean. If the algorithm replaces groups,
which requires verdicts, it is passed on when these are complete.

Batch n is sampled with weights of at least n - 1 - `max_staleness` updates. The trainer writes new weights, and the
engine loads them between two batches. The engine has its own process, so that both run in parallel.
"""

import contextlib
import queue
import threading
from collections.abc import Iterator

from training.rollouts.collector import Batch, Collector, Cursor
from training.rollouts.requests import SamplingStoppedError


class Prefetcher:
    """Collects batches in a thread. Use it as a context manager."""

    def __init__(self, collector: Collector, start: Cursor, version: int, max_staleness: int) -> None:
        """Create the collector; nothing is sampled.

        Args:
            start: position of the first batch.
            version: number of updates of the engine's weights.
            max_staleness: maximum number of updates by which a batch's weights may be older than the learner's.
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

    def __enter__(self) -> "Prefetcher":
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stopped.set()
        with self._moved:
            self._moved.notify_all()
        self._thread.join()

    def next(self) -> Batch:
        """Return the next batch when it is sampled; `Collector.settle` waits for its verdicts. Raises errors of its sampling."""
        found = self._batches.get()
        if isinstance(found, BaseException):
            raise found
        return found

    def learned(self, version: int) -> None:
        """Report that the trainer has made so many updates, and `engine.write` has written their weights."""
        with self._moved:
            self._learned = version
            self._moved.notify_all()

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Give the caller the engine inside the context; a batch in progress is finished first."""
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
                    if self._collector.algorithm.replaces_groups:
                        batch = self._collector.collect(cursor, version, stopped=self._stopped)
                    else:
                        batch = Batch(cursor, version)
                        self._collector.sample_round(batch, self._stopped)
                self._batches.put(batch)
                cursor, number = batch.cursor, number + 1
        except SamplingStoppedError:
            return
        except BaseException as error:  # raised in the trainer's thread
            self._batches.put(error)

    def _until_due(self, number: int) -> int:
        """Wait until batch `number` may begin, or the end; returns the number of updates of the newest weights."""
        with self._moved:
            self._moved.wait_for(lambda: self._stopped.is_set() or number - self._learned <= self._max_staleness)
            return self._learned
