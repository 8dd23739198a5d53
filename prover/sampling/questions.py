"""What a model is asked, and how its answers are drawn: the same for a model in this process and for a remote one."""

import asyncio
import itertools
import math
import secrets
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from prover.candidate import Candidate
from prover.sampling.prompt import CritiqueFormat, PromptFormat, SourceFormat
from prover.sampling.sampler import PromptTooLongError, SamplingParams
from prover.source.context.nearby import shortened
from prover.theorem import Theorem
from prover.verdict import Message

Encoded = TypeVar("Encoded")

_SEEDS = 2**63  # what torch's generators take
ANSWERS_SHARE = 4
"""An answer is to have at least this part of what a model reads and writes together: a quarter."""
_AT_FIRST = 4  # candidates in work
_PATIENCE = 0.1  # seconds

Formats = Callable[[str, Any], PromptFormat]
"""From the name of a prompt format and a model's tokenizer to the format; ValueError for an unknown name."""


def own_formats(name: str, _tokenizer: Any) -> PromptFormat:
    """The formats that `prover` has. See `Formats`."""
    for form in (SourceFormat, CritiqueFormat):
        if name == form.name:
            return form()
    choices = f"{SourceFormat.name}, {CritiqueFormat.name}"
    raise ValueError(f"unknown prompt format {name!r}; the choices are {choices}")


@dataclass(frozen=True, slots=True)
class Question:
    """What to put before a model.

    Attributes:
        prompt: text up to where the model answers.
        beginning: how the answer begins; tokenised apart from the prompt, as in training.
        stop: texts that end the answer, besides the end token; no part of it.
        min_tokens: neither the end token nor a stop text ends an answer of fewer tokens.
        read: from an answer to the candidate's text.
    """

    prompt: str
    beginning: str
    stop: tuple[str, ...]
    min_tokens: int
    read: Callable[[str], str]


def whole_proof(form: PromptFormat, theorem: Theorem) -> Question:
    """Ask for a proof."""
    return Question(form.render(theorem), "", form.stop, 0, form.extract)


def next_line(form: PromptFormat, theorem: Theorem, prefix: str) -> Question | None:
    """Ask for the line that comes next in a proof; None if the format cannot.

    The first token may be, or begin with, the line break that leads to the line; the next one ends it.
    """
    beginning = form.continuation(theorem, prefix)
    return None if beginning is None else Question(form.render(theorem), beginning, ("\n",), 1, str.strip)


def repaired_proof(form: PromptFormat, theorem: Theorem, proof: str, error: Message) -> Question | None:
    """Ask for a proof in place of one that failed; None if the format cannot."""
    prompt = form.repair(theorem, proof, error)
    return None if prompt is None else Question(prompt, "", form.stop, 0, form.extract)


Ask = Callable[[PromptFormat, Theorem], Question | None]
"""Makes the question about a theorem in a model's format; None if the format has none of that kind."""


class QuestionSampler(ABC):
    """A `ProofModel` whose candidates are answers to questions."""

    def sample(self, theorem: Theorem, params: SamplingParams) -> AsyncGenerator[Candidate, None]:
        """Yield each candidate as soon as its last token is there; see `Sampler.sample` and `draw`.

        Raises:
            ValueError: there is no such model, or the statement alone leaves no room for an answer (`PromptTooLongError`).
            WeightsReplacedError: new weights came in before all candidates were asked for.
            SamplerUnavailableError: nothing can answer now.
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

    @abstractmethod
    def _draw(self, params: SamplingParams, theorem: Theorem, ask: Ask) -> AsyncGenerator[Candidate, None]:
        """The answers to a question about a theorem, or about one with less of its context where the model reads no more."""


async def first_fitting(
    ask: Callable[[Theorem], Question | None],
    theorem: Theorem,
    encode: Callable[[Question, int], Awaitable[Encoded]],
    room: int,
) -> tuple[Question, Encoded] | None:
    """The question about a theorem with as much of its context as leaves room for an answer; None if there is no question.

    Args:
        ask: makes the question.
        encode: the question as the model reads it, if at least so many tokens are left for the answer.
        room: tokens that an answer is to have; fewer are taken where the statement alone leaves no more.

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
    """Yield `params.samples` candidates, each as soon as it is there.

    Candidate number i has the seed `params.seed + i` (modulo 2⁶³), which alone reproduces it. At temperature 0 there is one
    candidate. Closing the generator cancels what is under way.

    What is in work when the reader has enough is lost. So it begins with a few, and doubles them whenever the reader has waited
    for a tenth of a second in all: a reader that checks what it gets has no more sampled ahead than it needs.

    Args:
        params: how many, and the first seed.
        width: most candidates in work at once.
        ask: makes one candidate from its seed; None: there are no more, besides those in work.
        best_first: of the candidates that are there when the reader asks, it gets the one of the highest log-probability, whose chance to
            be right is the highest (docs/results.md); else they come in the order in which they were begun.
    """
    first = secrets.randbits(48) if params.seed is None else params.seed
    count = params.samples if params.temperature > 0 else 1
    seeds = (seed % _SEEDS for seed in range(first, first + count))
    running: set[asyncio.Future[Candidate | None]] = set()
    there: list[tuple[float, int, Candidate]] = []  # the best last
    numbers = itertools.count()
    number_of: dict[asyncio.Future[Candidate | None], int] = {}
    ahead, patience = min(_AT_FIRST, width), _PATIENCE
    try:
        while True:
            for seed in itertools.islice(seeds, max(0, ahead - len(running) - len(there))):
                begun = asyncio.ensure_future(ask(seed))
                running.add(begun)
                number_of[begun] = next(numbers)
            if not running and not there:
                return
            if there:
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
                there.append((likely, -number, candidate))
            if there:
                there.sort(key=lambda each: each[:2])
                yield there.pop()[2]
    finally:
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)
