"""Token bucket: a fixed amount per period; unused allowance accumulates up to one period's worth."""

from collections.abc import Callable


class Allowance:
    """Token bucket. It starts full, refills evenly and may be overdrawn."""

    def __init__(self, most: float, period: float, clock: Callable[[], float]) -> None:
        """Start with a full bucket.

        Args:
            most: capacity of the bucket, refilled once per period.
            period: length of a period in seconds.
            clock: returns the current time in seconds.
        """
        self.most = most
        self._rate = most / period
        self._clock = clock
        self._left = most
        self._at = clock()

    @property
    def left(self) -> float:
        """The amount available now; negative if the bucket is overdrawn."""
        now = self._clock()
        self._left = min(self.most, self._left + (now - self._at) * self._rate)
        self._at = now
        return self._left

    def take(self, amount: float) -> None:
        """Take an amount, even if less is available."""
        self._left = self.left - amount

    def wait(self, amount: float) -> float:
        """Return the number of seconds until this amount is available."""
        return max(0.0, (min(amount, self.most) - self.left) / self._rate)
