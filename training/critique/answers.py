"""Answers of a model to questions about theorems, with Lean's verdict on each proof and its first error; resumable."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path

import transformers
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prover.sampling.diagnosis import Diagnosis
from prover.sampling.prompt import CritiqueFormat
from prover.sampling.tokenizers import load_tokenizer
from prover.search.tactics.scripts.cut import errors
from prover.verdict import Verdict, VerdictKind
from training.corpus.record import TheoremRecord
from training.journal import Journal, JournalError
from training.progress import ProgressReporter
from training.rollouts.engine import RolloutEngine
from training.rollouts.prompts import seed_of
from training.rollouts.requests import Response, RolloutRequest
from training.rollouts.verifier import Verifier

_REPORT_SECONDS = 15.0
_MENDABLE = frozenset({VerdictKind.REJECTED, VerdictKind.INCOMPLETE})


@dataclass(frozen=True, slots=True)
class CritiqueQuestion:
    """A question to a model.

    Attributes:
        record: the theorem concerned.
        about: distinguishes it from other questions about this theorem; for a repair, the failed proof.
        prompt: the prompt in the model's format.
        samples: number of answers wanted.
        proofs: whether answers are proofs to check.
        temperature: softmax temperature; 0 is greedy.
    """

    record: TheoremRecord
    about: str
    prompt: str
    samples: int
    proofs: bool = True
    temperature: float = 1.0

    @property
    def key(self) -> str:
        """Return a key that identifies the question."""
        parts = json.dumps([self.record.theorem.digest, self.about, self.prompt, self.samples])
        return hashlib.sha256(parts.encode()).hexdigest()[:24]


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class CritiqueAnswer(_Record):
    """A distinct answer of a model."""

    text: str
    """The proof, or the diagnosis."""
    count: int = Field(ge=1)
    """Number of times it was sampled."""
    verified: bool = False
    """Whether the kernel accepted it."""
    term: str = ""
    """Digest of a verified proof's term, if there is one."""
    diagnosis: str = ""
    """Lean's first error in a repairable proof, in the format of `prover.sampling.diagnosis`."""


class CritiqueAnswers(_Record):
    """All answers to one question; one JSON object per line."""

    key: str
    """Key of the question."""
    name: str
    """Name of the theorem."""
    about: str
    """See `CritiqueQuestion.about`."""
    answers: tuple[CritiqueAnswer, ...]
    """Distinct texts, the most frequent first."""

    @property
    def samples(self) -> int:
        """Number of samples."""
        return sum(answer.count for answer in self.answers)

    @property
    def verified(self) -> int:
        """Number of samples accepted by the kernel."""
        return sum(answer.count for answer in self.answers if answer.verified)

    @property
    def failures(self) -> list[tuple[CritiqueAnswer, Diagnosis]]:
        """Repairable texts, the most frequent first."""
        read = ((answer, Diagnosis.read(answer.diagnosis)) for answer in self.answers)
        return [(answer, diagnosis) for answer, diagnosis in read if diagnosis is not None]


def read_answers(path: Path) -> list[CritiqueAnswers]:
    """Read the output of `ask`.

    Raises:
        JournalError: a line is invalid.
        OSError: the file does not exist.
    """
    with path.open("rb") as file:
        return list(_parsed(path, enumerate(file, start=1)))


def ask(
    model: Path,
    questions: Sequence[CritiqueQuestion],
    out: Path,
    verifier: Verifier,
    max_tokens: int,
    seed: int,
    report: Callable[[str], None] = print,
) -> list[CritiqueAnswers]:
    """Put every question without answers in `out` to the model, and append the answers in order of completion.

    A question that leaves no room for an answer gets none. A truncated answer counts as wrong.

    Args:
        verifier: gives verdicts with Lean's messages, without a cache.
        seed: random seed of the answers.

    Raises:
        JournalError: `out` has other content.
        SamplerUnavailableError: vLLM is missing, or cannot serve the model.
        VerifierGoneError: Lean stopped answering.
    """
    with Journal(out) as journal:
        found = {each.key: each for each in _parsed(out, journal.lines())}
        missing = [question for question in questions if question.key not in found]
        if found and missing:
            report(f"{len(questions) - len(missing)} of {len(questions)} questions are answered already")
        if missing:
            for answers in _asked(model, missing, out, verifier, max_tokens, seed, report):
                journal.append(answers.model_dump_json(exclude_defaults=True))
                found[answers.key] = answers
    return [found[question.key] for question in questions]


@dataclass
class _InWork:
    """A question with its answers so far."""

    question: CritiqueQuestion
    missing: int
    texts: Counter[str] = field(default_factory=Counter)
    checks: "dict[str, Future[Verdict]]" = field(default_factory=dict)

    @property
    def settled(self) -> bool:
        return not self.missing and all(check.done() for check in self.checks.values())

    def result(self) -> CritiqueAnswers:
        """Wait for pending checks and return the answers."""
        question = self.question
        verdicts = {text: check.result() for text, check in self.checks.items()}
        judged = (_answer(text, count, verdicts.get(text)) for text, count in self.texts.most_common())
        return CritiqueAnswers(key=question.key, name=question.record.name, about=question.about, answers=tuple(judged))


def _answer(text: str, count: int, verdict: Verdict | None) -> CritiqueAnswer:
    if verdict is None:
        return CritiqueAnswer(text=text, count=count)
    error = next(iter(errors(verdict.messages)), None) if verdict.kind in _MENDABLE else None
    return CritiqueAnswer(
        text=text,
        count=count,
        verified=verdict.verified,
        term=verdict.term if verdict.verified else "",
        diagnosis="" if error is None else str(Diagnosis.of(error)),
    )


def _asked(
    model: Path,
    questions: Sequence[CritiqueQuestion],
    out: Path,
    verifier: Verifier,
    max_tokens: int,
    seed: int,
    report: Callable[[str], None],
) -> Iterator[CritiqueAnswers]:
    """Yield the answers to each question when complete, in order, while sampling continues."""
    transformers.utils.logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(model)
    form = CritiqueFormat()
    engine = RolloutEngine(model, out.with_name(out.name + ".engine"), stop=form.stop)
    checks: dict[tuple[str, str], Future[Verdict]] = {}
    try:
        prompts = [tuple(tokenizer.encode(question.prompt)) for question in questions]
        fitting = [number for number, prompt in enumerate(prompts) if len(prompt) + max_tokens <= engine.context]
        work = {number: _InWork(questions[number], questions[number].samples) for number in fitting}
        for number in set(range(len(questions))) - set(fitting):
            work[number] = _InWork(questions[number], 0)
        owners: list[int] = []

        def requests() -> Iterator[RolloutRequest]:
            for number in fitting:
                question = questions[number]
                for index in range(question.samples):
                    owners.append(number)
                    drawn = seed_of(seed, question.key, index)
                    yield RolloutRequest(prompts[number], drawn, max_tokens, question.temperature, 0.99)

        def done(number: int, response: Response) -> None:
            each = work[owners[number]]
            text = form.extract(response.text)
            each.texts[text] += 1
            each.missing -= 1
            if each.question.proofs and response.finished and text and text not in each.checks:
                record = each.question.record
                same = record.theorem.digest, text
                if same not in checks:
                    checks[same] = verifier.check(record, text)
                each.checks[text] = checks[same]

        tally = _Tally(len(questions), report)
        waiting = [work[number] for number in range(len(questions))]
        started = 0
        for _ in engine.sampled(requests(), done):
            while started < len(waiting) and waiting[started].settled:
                yield tally.count(waiting[started].result())
                started += 1
        for each in waiting[started:]:
            yield tally.count(each.result())
    finally:
        engine.close()


def _parsed(path: Path, lines: Iterator[tuple[int, bytes]]) -> Iterator[CritiqueAnswers]:
    for number, line in lines:
        try:
            yield CritiqueAnswers.model_validate_json(line)
        except ValidationError:
            raise JournalError(f"{path}:{number}: this is not a line of answers; name another folder.") from None


class _Tally:
    """Counts the answers, and reports them."""

    def __init__(self, total: int, report: Callable[[str], None]) -> None:
        self._progress = ProgressReporter(total, "questions", report, _REPORT_SECONDS)
        self._samples = self._verified = 0

    def count(self, answers: CritiqueAnswers) -> CritiqueAnswers:
        """Count the answers to a question and pass them on."""
        self._samples += answers.samples
        self._verified += answers.verified
        self._progress.advance(lambda: f"{self._verified} of {self._samples} answers verified")
        return answers
