"""The best step so far by a measure on dev, and when to stop looking for a better one."""

from collections.abc import Mapping
from typing import Any


class Best:
    """Remembers the best value and its step.

    Attributes:
        step: of the best value; 0 before the first.
        measured: the value noted last, if there was one at the last step.
        just_found: whether it was the best so far.
    """

    def __init__(self, patience: int | None, larger: bool) -> None:
        """Nothing is known yet.

        Args:
            patience: values in a row without a better one, after which to stop; None: never.
            larger: whether a larger value is better.
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
        """Whether the finished model is to be that of the best step."""
        return self._patience is not None and self.step > 0

    @property
    def exhausted(self) -> bool:
        """Whether it is time to stop."""
        return self._patience is not None and self._without >= self._patience

    def note(self, step: int, value: float | None) -> None:
        """What was measured after this step; None if nothing was."""
        self.measured = value
        self.just_found = value is not None and (not self.step or self._sign * (value - self._value) > 0)
        if value is None:
            return
        if self.just_found:
            self.step, self._value, self._without = step, value, 0
        else:
            self._without += 1

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must be given back."""
        return {"step": self.step, "value": self._value, "without": self._without}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.step, self._value, self._without = state["step"], state["value"], state["without"]
