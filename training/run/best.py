"""The best step so far by a measure on dev, and early stopping."""

from collections.abc import Mapping
from typing import Any


class Best:
    """Stores the best value and its step.

    Attributes:
        step: step of the best value; 0 before the first.
        measured: value noted last, if the last step had one.
        just_found: whether it was the best so far.
    """

    def __init__(self, patience: int | None, larger: bool) -> None:
        """Start without values.

        Args:
            patience: number of values in a row without improvement after which to stop; None: never.
            larger: whether larger values are better.
        """
        self.step = 0
        self.measured: float | None = None
        self.just_found = False
        self._patience = patience
        self._sign = 1 if larger else -1
        self._value = 0.0
        self._without = 0

    @property
    def decides(self) -> bool:
        """Whether the finished model is that of the best step."""
        return self._patience is not None and self.step > 0

    @property
    def exhausted(self) -> bool:
        """Whether to stop."""
        return self._patience is not None and self._without >= self._patience

    def note(self, step: int, value: float | None) -> None:
        """Note the value measured after this step; None if there was none."""
        self.measured = value
        self.just_found = value is not None and (not self.step or self._sign * (value - self._value) > 0)
        if value is None:
            return
        if self.just_found:
            self.step, self._value, self._without = step, value, 0
        else:
            self._without += 1

    def state_dict(self) -> dict[str, Any]:
        """Return the state of a run."""
        return {"step": self.step, "value": self._value, "without": self._without}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict`."""
        self.step, self._value, self._without = state["step"], state["value"], state["without"]
