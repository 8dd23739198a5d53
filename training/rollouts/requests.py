"""What is asked of whatever samples for a run, and what it answers."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # hosts read this module, too, and those two are slow to import
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """One answer that is wanted.

    Attributes:
        prompt: tokens.
        seed: makes the answer repeat.
        max_tokens: longest answer.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
    """

    prompt: tuple[int, ...]
    seed: int
    max_tokens: int
    temperature: float = 1.0
    top_p: float = 1.0


@dataclass(frozen=True, slots=True)
class Response:
    """One answer: the very tokens that were sampled.

    Attributes:
        tokens: with the end token or whatever made a stop text.
        log_probs: of each token under the model at temperature 1, without truncation by top_p; natural.
        text: without end token and stop text.
        finished: whether the model came to its end, rather than to the longest length.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    text: str
    finished: bool


class SamplingStoppedError(RuntimeError):
    """Sampling was ended before it was done."""


class RolloutSampler(Protocol):
    """What a run samples with: the engine of its own process, or those of other hosts."""

    def sample(
        self,
        requests: Sequence[RolloutRequest],
        done: Callable[[int, Response], None],
        stopped: threading.Event | None = None,
    ) -> None:
        """See `RolloutEngine.sample`."""
        ...

    def write(self, model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase") -> None:
        """See `RolloutEngine.write`."""
        ...

    def load_written(self) -> None:
        """See `RolloutEngine.load_written`."""
        ...

    def close(self) -> None:
        """End what was started, and take away what was written."""
        ...


def parts_of(requests: Sequence[RolloutRequest], parts: int) -> list[tuple[int, Sequence[RolloutRequest]]]:
    """Requests cut into parts in order, as evenly as can be, each with the number of its first; empty ones are left out."""
    bounds = [len(requests) * number // parts for number in range(parts + 1)]
    return [(first, requests[first:end]) for first, end in itertools.pairwise(bounds) if first < end]
