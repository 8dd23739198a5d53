"""Questions to a model and the drawing of its answers, shared by models in this process and remote ones."""

import asyncio
import itertools
import math
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from prover.candidate import Candidate
from prover.sampling.portfolio.premises import PremiseFinder
from prover.sampling.prompt import CritiqueFormat, PremisesFormat, PromptFormat, SourceFormat
from prover.sampling.sampler import PromptTooLongError, SamplingParams
from prover.source.context.nearby import shortened
from prover.theorem import Theorem
from prover.verdict import Message

Encoded = TypeVar("Encoded")

_SEEDS = 2**63  # the range of torch's generators
ANSWERS_SHARE = 4
"""Minimum share of the answer in the context window of a model: a quarter."""
_AT_FIRST = 4  # candidates in progress at first
_PATIENCE = 0.1  # seconds

Formats = Callable[[str, Any], PromptFormat]
"""Maps the name of a prompt format and a model's tokenizer to the format; ValueError for an unknown name."""


def own_formats(name: str, _tokenizer: Any) -> PromptFormat:
    """Return the formats that `prover` defines. See `Formats`."""
    formats = (SourceFormat, PremisesFormat, CritiqueFormat)
    for form in formats:
        if name == form.name:
            return form()
    choices = ", ".join(form.name for form in formats)
    raise ValueError(f"unknown prompt format {name!r}; the choices are {choices}")


@dataclass(frozen=True, slots=True)
class Question:
    """A question to a model.

    Attributes:
        prompt: text up to where the model answers.
        beginning: beginning of the answer; tokenised separately from the prompt, as in training.
        stop: texts that end the answer, besides the end token; not part of it.
        min_tokens: shorter answers are not ended by the end token or a stop text.
        read: extracts the candidate's text from the answer.
    """

    prompt: str
    beginning: str
    stop: tuple[str, ...]
    min_tokens: int
    read: Callable[[str], str]


def whole_proof(form: PromptFormat, theorem: Theorem) -> Question:
    """Build a question for a proof."""
    return Question(form.render(theorem), "", form.stop, 0, form.extract)


def next_line(form: PromptFormat, theorem: Theorem, prefix: str) -> Question | None:
    """Build a question for the next line of a proof; None if the format does not support it.

    The first token may be or begin with the line break before the line; the next line break ends it.
    """
    beginning = form.continuation(theorem, prefix)
    return None if beginning is None else Question(form.render(theorem), beginning, ("\n",), 1, str.strip)


def repaired_proof(form: PromptFormat, theorem: Theorem, proof: str, error: Message) -> Question | None:
    """Build a question for a proof in place of a failing one; None if the format does not support it."""
    prompt = form.repair(theorem, proof, error)
    return None if prompt is None else Question(prompt, "", form.stop, 0, form.extract)


Ask = Callable[[PromptFormat, Theorem], Question | None]
"""Builds a question about a theorem in a model's format; None if the format does not support this kind."""


class QuestionSampler(ABC):
    """A `ProofModel` whose candidates are answers to questions.

    Attributes:
        finder: suggests library theorems for prompts of the format `PremisesFormat`; None: prompts contain none.
    """

    finder: PremiseFinder | None = None
    _suggested: tuple[Theorem, tuple[str, ...]] | None = None

    def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield each candidate as soon as it is complete; see `Sampler.sample` and `draw`.

        Raises:
            ValueError: the model is unknown, or the statement alone leaves no room for an answer
                (`PromptTooLongError`).
            WeightsReplacedError: the weights were replaced before all candidates were requested.
            SamplerUnavailableError: no model can answer now.
        """
        return self._draw(params, theorem, whole_proof)

    def continue_proof(self, theorem: Theorem, prefix: str, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """See `ProofModel.continue_proof`; raises as `sample` does."""
        return self._draw(params, theorem, lambda form, shorter: next_line(form, shorter, prefix))

    def repair_proof(
        self, theorem: Theorem, proof: str, error: Message, params: SamplingParams
    ) -> AsyncGenerator[Candidate, None]:
        """See `ProofModel.repair_proof`; raises as `sample` does."""
        return self._draw(params, theorem, lambda form, shorter: repaired_proof(form, shorter, proof, error))

    async def _informed(self, form: PromptFormat, theorem: Theorem) -> Theorem:
        """Return the theorem with suggested library theorems, if the format shows them. Repeated calls for one theorem search once."""
        if self.finder is None or theorem.suggested or not isinstance(form, PremisesFormat):
            return theorem
        if self._suggested is None or self._suggested[0] != theorem:
            self._suggested = theorem, tuple(await self.finder.premises(theorem, form.most))
        return replace(theorem, suggested=self._suggested[1])

    @abstractmethod
    def _draw(self, params: SamplingParams, theorem: Theorem, ask: Ask) -> AsyncGenerator[Candidate, None]:
        """Yield the answers to a question about a theorem; if it is too long for the model, parts of its context are
        left out.
        """


async def first_fitting(
    ask: Callable[[Theorem], Question | None],
    theorem: Theorem,
    encode: Callable[[Question, int], Awaitable[Encoded]],
    room: int,
) -> tuple[Question, Encoded] | None:
    """Return the question with as much of the context as leaves room for an answer; None if the format does not support
    it.

    Args:
        ask: builds the question.
        encode: tokenises the question if at least so many tokens are left for the answer.
        room: wanted tokens for an answer; fewer are accepted if the statement alone leaves fewer.

    Raises:
        PromptTooLongError: the statement alone leaves no room.
    """
    for shorter in shortened(theorem):
        if (question := ask(shorter)) is None:
            return None
        last = not shorter.context.strip()
        try:
            return question, await encode(question, 1 if last else room)
        except PromptTooLongError:
            if last:
                raise
    raise AssertionError("the last theorem has no context")


async def draw(
    params: SamplingParams, width: int, ask: Callable[[int], Awaitable[Candidate | None]], best_first: bool = True
) -> AsyncGenerator[Candidate, None]:
    """Yield `params.samples` candidates, each as soon as it is complete.

    Candidate number i has the seed `params.seed + i` (modulo 2⁶³), which alone reproduces it. At temperature 0 there is
    one candidate. Closing the generator cancels all work in progress.

    Candidates in progress are lost when the reader has enough. Therefore only a few are in progress at first, and their
    number doubles whenever the reader has waited for a tenth of a second in total: a slow reader gets few candidates
    ahead of its needs.

    Args:
        params: number of candidates and first seed.
        width: maximum number of candidates in progress.
        ask: makes one candidate from its seed; None: no more besides those in progress.
        best_first: whether the reader gets the available candidate with the highest log-probability, which is the most
            likely to be correct (docs/results.md); otherwise candidates come in the order in which they were begun.
    """
    first = secrets.randbits(48) if params.seed is None else params.seed
    count = params.samples if params.temperature > 0 else 1
    seeds = (seed % _SEEDS for seed in range(first, first + count))
    running: set[asyncio.Future[Candidate | None]] = set()
    ready: list[tuple[float, int, Candidate]] = []  # sorted, the best last
    numbers = itertools.count()
    number_of: dict[asyncio.Future[Candidate | None], int] = {}
    ahead, patience = min(_AT_FIRST, width), _PATIENCE
    try:
        while True:
            for seed in itertools.islice(seeds, max(0, ahead - len(running) - len(ready))):
                call = asyncio.ensure_future(ask(seed))
                running.add(call)
                number_of[call] = next(numbers)
            if not running and not ready:
                return
            if ready:
                done = {task for task in running if task.done()}
                running -= done
            else:
                began = time.monotonic()
                done, running = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
                patience -= time.monotonic() - began
                if patience <= 0:
                    ahead, patience = min(2 * ahead, width), _PATIENCE
            for task in done:
                number = number_of.pop(task)
                if (candidate := task.result()) is None:
                    seeds.close()
                    continue
                likely = candidate.log_prob if best_first and candidate.log_prob is not None else -math.inf
                ready.append((likely, -number, candidate))
            if ready:
                ready.sort(key=lambda each: each[:2])
                yield ready.pop()[2]
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
