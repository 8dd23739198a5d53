"""Requests to samplers of a run, and their answers."""

import itertools
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:  # hosts import this module, too, and those two are slow to import
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """A request for one answer.

    Attributes:
        prompt: tokens of the prompt.
        seed: random seed of the answer.
        max_tokens: maximum length of the answer.
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
    """An answer with its sampled tokens.

    Attributes:
        tokens: sampled tokens, including the end token or those of a stop text.
        log_probs: log-probability (natural) of each token at temperature 1, without truncation by top_p.
        text: text without end token and stop text.
        finished: whether the answer is complete, as opposed to truncated.
    """

    tokens: tuple[int, ...]
    log_probs: tuple[float, ...]
    text: str
    finished: bool


class SamplingStoppedError(RuntimeError):
    """Sampling was stopped before it was complete."""


class RolloutSampler(Protocol):
    """A source of samples for a run: an engine in its process, or engines on other hosts."""

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
        """End all processes and delete all written files."""
        ...


def parts_of(requests: Sequence[RolloutRequest], parts: int) -> list[tuple[int, Sequence[RolloutRequest]]]:
    """Cut requests into consecutive parts of nearly equal size, each with the number of its first; empty parts are left
    out.
    """
    bounds = [len(requests) * number // parts for number in range(parts + 1)]
    return [(first, requests[first:end]) for first, end in itertools.pairwise(bounds) if first < end]
