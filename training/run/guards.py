"""Guards that end a run whose model collapses: finite numbers can still be wrong.

The metrics of a step describe the weights before its update: a problem seen at step m arose in the update of step m - 1
or earlier, so a run must not resume from checkpoints of that step or later.
"""

import math
from collections.abc import Mapping
from typing import Any

from training.config import GuardConfig


class CollapseError(RuntimeError):
    """A guard ended the run.

    Attributes:
        first_step: the first step whose metrics a guard objected to.
    """

    def __init__(self, text: str, first_step: int) -> None:
        super().__init__(text)
        self.first_step = first_step


class Guards:
    """Monitors the metrics of a run, step by step."""

    def __init__(self, config: GuardConfig, vocabulary: int) -> None:
        """Start to monitor.

        Args:
            vocabulary: number of tokens of the model, which determines the loss of a uniform guess.
        """
        self._config = config
        self._worst_loss = config.max_loss * math.log(vocabulary)
        self._first_share: float | None = None
        self._objected: dict[str, int] = {}
        """For each objecting guard, the first of the consecutive steps at which it objected."""

    def check(self, step: int, metrics: Mapping[str, float]) -> None:
        """Check one step's metrics.

        Raises:
            CollapseError: a guard has objected `patience` steps in a row.
        """
        objections = self._objections(metrics)
        self._objected = {name: self._objected.get(name, step) for name in objections}
        for name, first in self._objected.items():
            if step - first + 1 >= self._config.patience:
                raise CollapseError(
                    f"the model has collapsed: {objections[name]} at step {step}, and so from step {first} on "
                    f"(guards.{name})",
                    first,
                )

    @property
    def objecting(self) -> bool:
        """Whether a guard objected at the last step, so that its weights are not stored as good ones."""
        return bool(self._objected)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of a run."""
        return {"first_share": self._first_share, "objected": self._objected}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restore the result of `state_dict`."""
        self._first_share = state["first_share"]
        self._objected = dict(state["objected"])

    def _objections(self, metrics: Mapping[str, float]) -> dict[str, str]:
        config, found = self._config, {}
        if (kl := metrics.get("kl_to_base", 0.0)) > config.max_kl:
            found["max_kl"] = f"the KL divergence to the base is {kl:.3g} nats an answer"
        if (entropy := metrics.get("entropy", math.inf)) < config.min_entropy:
            found["min_entropy"] = f"the entropy is {entropy:.3g} nats a token"
        if (norm := metrics.get("gradient_norm", 0.0)) > config.max_gradient_norm:
            found["max_gradient_norm"] = f"the gradient's norm is {norm:.3g}"
        if "kl_to_base" not in metrics and (loss := metrics.get("loss", 0.0)) > self._worst_loss:
            found["max_loss"] = f"the loss is {loss:.3g} nats a token, more than that of a guess"
        if metrics.get("rollouts"):
            share = metrics["verified"] / metrics["rollouts"]
            if self._first_share is None:
                self._first_share = share
            if share < config.min_verified * self._first_share:
                found["min_verified"] = (
                    f"{share:.1%} of the rollouts are verified, at the first step {self._first_share:.1%}"
                )
        return found
