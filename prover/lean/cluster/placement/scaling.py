"""How many hosts a cluster is asked for, by what waits: its autoscaler starts and ends them."""

import math

_PATIENCE_SECONDS = 10.0  # that more waits than the hosts carry, before more are asked for
_REST_SECONDS = 300.0  # that fewer would do, before one is given back
_WAITING = 2.0  # questions that may wait for each worker


class Scaling:
    """The decision alone, from what is seen about once a second."""

    def __init__(self, most: int) -> None:
        """Ask for one host at first and for `most` at most."""
        self._most = most
        self.wanted = 1
        self._crowded: float | None = None
        self._calm: float | None = None

    def see(self, now: float, questions: int, hosts: int, workers: int) -> int:
        """How many hosts are wanted.

        Args:
            now: seconds of any clock.
            questions: that wait or are in work.
            hosts: in use that have workers.
            workers: of all of them.
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
