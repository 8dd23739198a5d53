"""Interface of samplers, which propose proofs."""

from collections.abc import AsyncGenerator, Iterable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from prover.candidate import Candidate
from prover.theorem import Theorem
from prover.verdict import Message


@dataclass(frozen=True, slots=True)
class SamplingParams:
    """Number of candidates and sampling parameters.

    Attributes:
        samples: maximum number of candidates.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        max_tokens: maximum length of a candidate in tokens.
        seed: random seed, which reproduces the candidates; None draws a fresh one.
        model: name of one of the sampler's models; empty: its default.
        priority: priority in the model's queue; lower numbers go first.
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
    """Statistics of a sampler since its start.

    Attributes:
        running: sequences in progress now.
        waiting: sequences waiting now.
        finished: completed sequences.
        aborted: cancelled sequences.
        prompt_tokens: tokens of the prompts of finished sequences.
        cached_tokens: prompt tokens served from the prefix cache.
        delivered_tokens: tokens of returned candidates.
        sampled_tokens: tokens that the model sampled, including aborted sequences.
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
        """Return the sum of several samplers' statistics."""
        found = list(parts)
        return SamplerStats(*(sum(getattr(part, name) for part in found) for name in SamplerStats.__slots__))


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """A replica of an engine on a host of a cluster.

    Attributes:
        host: its host; empty until it has one.
        live: whether it answers.
        in_work: number of requests in progress.
        problem: reason why it is not live, if known.
    """

    host: str
    live: bool
    in_work: int
    problem: str = ""


class SamplerUnavailableError(RuntimeError):
    """The sampler cannot run here; the text says what is missing and what to do."""


class WeightsReplacedError(SamplerUnavailableError):
    """The weights were replaced during a call, which has yielded all candidates of the old ones.

    Call again for the rest.
    """


class Sampler(Protocol):
    """Proposes candidate proofs.

    Closing the iterator (`aclose`) or cancelling the task that reads it stops its work at once.
    """

    @property
    def name(self) -> str:
        """The prefix of `Candidate.source`."""
        ...

    def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield candidates, each as soon as it is complete. All candidates of a call come from the same weights.

        Raises:
            WeightsReplacedError: the weights were replaced before all candidates were requested.
        """
        ...

    async def start(self) -> None:
        """Load all resources; afterwards the first `sample` is fast.

        Raises:
            SamplerUnavailableError: something is missing.
        """
        ...

    async def close(self) -> None:
        """Release all resources."""
        ...


class PromptTooLongError(ValueError):
    """The statement leaves no room for an answer in the model's context, even without the theorem's context."""


@runtime_checkable
class ProofModel(Sampler, Protocol):
    """A sampler that can also continue and repair proofs."""

    def continue_proof(self, theorem: Theorem, prefix: str, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield next lines of a proof that begins with `prefix`; `Candidate.text` is the line alone, stripped.

        Yields nothing if the model's prompt format does not support it.
        """
        ...

    def repair_proof(
        self, theorem: Theorem, proof: str, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        """Yield whole proofs, given one that fails and Lean's first error.

        Yields nothing if the model's prompt format does not support it.
        """
        ...
