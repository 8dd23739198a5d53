"""The seam for whatever proposes proofs."""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from prover.candidate import Candidate
from prover.theorem import Theorem
from prover.verdict import Message


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """How many candidates to propose and how.

    Attributes:
        samples: most candidates to yield.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        max_tokens: longest candidate, in tokens.
        seed: makes the candidates repeat; None draws a fresh one.
        model: which of the sampler's models to ask; empty: its default.
        priority: where requests wait for the model, lower numbers go first.
    """

    samples: int = 32
    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 256
    seed: int | None = None
    model: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class SamplerStats:
    """What a sampler has done since it was started, and does now.

    Attributes:
        running: sequences that the model works on now.
        waiting: sequences that wait for their turn.
        finished: sequences that came to their end.
        aborted: sequences that were no longer wanted.
        prompt_tokens: tokens of the prompts of finished sequences.
        cached_tokens: those of them that came from the prefix cache.
        delivered_tokens: tokens of the candidates handed out.
        sampled_tokens: tokens that the model sampled, those of aborted sequences included.
    """

    running: int = 0
    waiting: int = 0
    finished: int = 0
    aborted: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    delivered_tokens: int = 0
    sampled_tokens: int = 0

    @staticmethod
    def sum(parts: "Iterable[SamplerStats]") -> "SamplerStats":
        """What several samplers have done together."""
        found = list(parts)
        return SamplerStats(*(sum(getattr(part, name) for part in found) for name in SamplerStats.__slots__))


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """A replica of an engine on a host of a cluster.

    Attributes:
        host: that it is on; empty until it has a place.
        live: whether it answers.
        in_work: answers that it was asked for.
        problem: why it is not live, as far as known.
    """

    host: str
    live: bool
    in_work: int
    problem: str = ""


class SamplerUnavailableError(RuntimeError):
    """This sampler cannot run here; the text says what is missing and what to do."""


class WeightsReplacedError(SamplerUnavailableError):
    """New weights took the place of those that a call began with: it has yielded all that the old ones gave. Ask again for the rest."""


class Sampler(Protocol):
    """Proposes candidate proofs.

    Closing the iterator (`aclose`) or cancelling the task that reads it stops the work behind it at once.
    """

    @property
    def name(self) -> str:
        """What `Candidate.source` begins with."""
        ...

    def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield candidates, each as soon as it is complete. All of one call come from the same weights.

        Raises:
            WeightsReplacedError: these were replaced before all candidates were asked for.
        """
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


class PromptTooLongError(ValueError):
    """A theorem leaves a model no room for an answer, whatever of its context is left out."""


@runtime_checkable
class ProofModel(Sampler, Protocol):
    """A sampler that can also be asked about a proof in work."""

    def continue_proof(self, theorem: Theorem, prefix: str, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield next lines of a proof that begins with `prefix`: `Candidate.text` is that line alone, stripped.

        Nothing if the model's prompt format cannot ask for it.
        """
        ...

    def repair_proof(
        self, theorem: Theorem, proof: str, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        """Yield whole proofs, given one that fails and Lean's first error.

        Nothing if the model's prompt format does not know how to ask.
        """
        ...
