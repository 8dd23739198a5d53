"""A token bucket: so much of something in each period, saved up to one period's worth."""

from collections.abc import Callable


class Allowance:
    """So much of something in each period: full at the start, refilled evenly, and it may be overdrawn."""

    def __init__(self, most: float, period: float, clock: Callable[[], float]) -> None:
        """All of it is left.

        Args:
            most: in each period, and at once.
            period: seconds.
            clock: seconds.
        """
        self.most = most
        self._rate = most / period
        self._clock = clock
        self._left = most
        self._at = clock()

    @property
    def left(self) -> float:
        """What is left now; negative if it was overdrawn."""
        now = self._clock()
        self._left = min(self.most, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left

    def take(self, amount: float) -> None:
        """Take this much, even if so much is not left."""
        self._left = self.left - amount

    def wait(self, amount: float) -> float:
        """Seconds until this much is left."""
        return max(0.0, (min(amount, self.most) - self.left) / self._rate)
