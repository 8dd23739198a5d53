"""Guards that end a run whose model collapses: a number that is finite may be wrong all the same.

The metrics of a step are about the weights before its update: what a guard sees at step m began with the update of step
m - 1 at the latest, so checkpoints from that step on are no place to go on from.
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
    """Watches the metrics of a run, step by step."""

    def __init__(self, config: GuardConfig, vocabulary: int) -> None:
        """Begin to watch.

        Args:
            vocabulary: tokens of the model, which bound the loss of a guess.
        """
        self._config = config
        self._worst_loss = config.max_loss * math.log(vocabulary)
        self._first_share: float | None = None
        self._objected: dict[str, int] = {}
        """For each guard that objects, the first of the steps in a row at which it did."""

    def check(self, step: int, metrics: Mapping[str, float]) -> None:
        """Look at one step's metrics.

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
        """Whether the last step gave cause for doubt: its weights are not to be kept as good ones."""
        return bool(self._objected)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed run must be given back."""
        return {"first_share": self._first_share, "objected": self._objected}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
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
