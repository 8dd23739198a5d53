"""Decides from the queue's length how many hosts to request; the cluster's autoscaler starts and ends them."""

import math

_PATIENCE_SECONDS = 10.0  # of more waiting questions than the hosts can carry, before more hosts are requested
_REST_SECONDS = 300.0  # of lower demand, before a host is released
_WAITING = 2.0  # waiting questions per worker


class Scaling:
    """The pure decision, from observations about once a second."""

    def __init__(self, most: int) -> None:
        """Request one host at first and at most `most`."""
        self._most = most
        self.wanted = 1
        self._crowded: float | None = None
        self._calm: float | None = None

    def see(self, now: float, questions: int, hosts: int, workers: int) -> int:
        """Return the number of hosts wanted.

        Args:
            now: seconds of any clock.
            questions: number waiting or in progress.
            hosts: number of hosts in use that have workers.
            workers: number of workers on all hosts.
        """
        each = workers / hosts if hosts else 1.0
        enough = min(self._most, max(1, math.ceil(questions / each / (1 + _WAITING))))
        self._crowded = (self._crowded or now) if enough > self.wanted else None
        self._calm = (self._calm or now) if enough < self.wanted else None
        if self._crowded is not None and now - self._crowded >= _PATIENCE_SECONDS:
            self.wanted, self._crowded = enough, None
        elif self._calm is not None and now - self._calm >= _REST_SECONDS:
            self.wanted, self._calm = self.wanted - 1, None
        return self.wanted
