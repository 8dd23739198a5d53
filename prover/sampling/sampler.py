"""The seam for whatever proposes proofs."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from prover.candidate import Candidate
from prover.theorem import Theorem


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How many candidates to propose and how.

    Attributes:
        samples: most candidates to yield.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        max_tokens: longest candidate, in tokens.
        seed: makes the candidates repeat; None draws a fresh one.
    """

    samples: int = 32
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 256
    seed: int | None = None


class SamplerUnavailableError(RuntimeError):
    """This sampler cannot run here; the text says what is missing and what to do."""


class Sampler(Protocol):
    """Proposes candidate proofs.

    Closing the iterator (`aclose`) or cancelling the task that reads it stops the work behind it at once.
    """

    @property
    def name(self) -> str:
        """What `Candidate.source` begins with."""
        ...

    def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield candidates, each as soon as it is complete."""
        ...

    async def start(self) -> None:
        """Load what is needed; returns when the first `sample` would be quick.

        Raises:
            SamplerUnavailableError: something is missing.
        """
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...
