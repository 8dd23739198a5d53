"""Lean's answers on one theorem, cached in a file, because thousands of sessions reach the same partial proofs.

Lean's answer to a text is always the same; the result of a search depends on its time, and the first one is cached.
Sessions that are repeated or resumed are therefore equal bit for bit.
"""

import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter

from prover.assistance.disprove import Refuter
from prover.candidate import Candidate
from prover.events import Minimised, Proof
from prover.lean.checker import DEFAULT_TERMS, Terms
from prover.lean.wire.answers import NegatedStatement, ProofSteps, Screened
from prover.lean.wire.library import Constant
from prover.options import CheckOptions
from prover.requests import Check, Event, Search
from prover.theorem import Theorem
from prover.tutor.tutor import LeanInspector
from prover.verdict import Verdict, VerdictKind
from training.journal import Journal

T = TypeVar("T")

SEARCH_SECONDS = 0.5
"""Time limit of one search."""
_UNSETTLED = frozenset({VerdictKind.INFRASTRUCTURE, VerdictKind.TIMEOUT})


class RememberedAnswers:
    """Cached answers of Lean on one theorem, by question. Use it as a context manager.

    Attributes:
        seconds: time of all questions since it was last set to 0; for cached ones, the time of the first.
        asked: number of new questions.
    """

    def __init__(self, path: Path) -> None:
        """Read the cached answers, and store new ones.

        Raises:
            JournalError: another process writes to the file.
        """
        self._journal = Journal(path)
        self._kept: dict[str, tuple[float, Any]] = {}
        for _, line in self._journal.lines():
            question, seconds, answer = json.loads(line)
            self._kept[question] = (seconds, answer)
        self._read: dict[str, object] = {}
        self.seconds = 0.0
        self.asked = 0

    def __enter__(self) -> "RememberedAnswers":
        return self

    def __exit__(self, *_exc: object) -> None:
        self._journal.close()

    async def get(self, question: Sequence[object], kind: Any, ask: Callable[[], Awaitable[T]]) -> T:
        """Return the cached answer to a question; a missing one is computed.

        Answers undecided for lack of time are not stored.
        """
        key = json.dumps(question, ensure_ascii=False)
        if key not in self._kept:
            began = time.perf_counter()
            answer = await ask()
            seconds = time.perf_counter() - began
            self.asked += 1
            self.seconds += seconds
            if getattr(answer, "kind", getattr(answer, "verdict", None)) in _UNSETTLED:
                return answer
            if key not in self._kept:  # the same question may have been asked concurrently
                data = _adapter(kind).dump_python(answer, mode="json")
                self._journal.append(json.dumps([key, round(seconds, 4), data], ensure_ascii=False))
                self._kept[key] = (round(seconds, 4), data)
                self._read[key] = answer
            return answer
        seconds, data = self._kept[key]
        self.seconds += seconds
        if key not in self._read:
            self._read[key] = _adapter(kind).validate_python(data)
        return self._read[key]  # type: ignore[return-value]


@lru_cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


class RememberedLean:
    """The tutor's questions to Lean on one theorem, answered from the cache if possible."""

    def __init__(self, lean: LeanInspector, answers: RememberedAnswers) -> None:
        """Use `lean` for answers missing in `answers`."""
        self._lean = lean
        self._answers = answers

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `Checker.check`."""
        question = ("check", theorem.digest, candidate.text)
        return await self._answers.get(question, Verdict, lambda: self._lean.check(theorem, candidate, terms))

    async def steps(self, theorem: Theorem, proof: str, terms: Terms = DEFAULT_TERMS) -> ProofSteps:
        """See `Lean.steps`."""
        question = ("steps", theorem.digest, proof)
        return await self._answers.get(question, ProofSteps, lambda: self._lean.steps(theorem, proof, terms))

    async def constants(
        self, theorem: Theorem, names: Sequence[str], terms: Terms = DEFAULT_TERMS
    ) -> tuple[Constant, ...]:
        """See `LibraryQuestions.constants`."""
        question = ("constants", *names)
        kind = tuple[Constant, ...]
        return await self._answers.get(question, kind, lambda: self._lean.constants(theorem, names, terms))


class RememberedSearch:
    """As `RememberedLean`, for searches and refutations."""

    def __init__(self, refuter: Refuter, answers: RememberedAnswers) -> None:
        """Use `refuter` for answers missing in `answers`."""
        self._refuter = refuter
        self._answers = answers

    async def check(self, request: Check) -> Verdict:
        """See `Refuter.check`."""
        question = ("check", request.theorem.digest, request.candidate.text)
        return await self._answers.get(question, Verdict, lambda: self._refuter.check(request))

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """See `Refuter.prove`; yields only the proofs, once the search has ended."""
        budget = request.options.budget
        question = ("prove", request.theorem.digest, budget.samples, budget.proofs)
        bounded = replace(request.options, budget=replace(budget, seconds=SEARCH_SECONDS))

        async def searched() -> tuple[Proof, ...]:
            found = []
            async for event in self._refuter.prove(replace(request, options=bounded)):
                if isinstance(event, Proof | Minimised):
                    found.append(event if isinstance(event, Proof) else event.proof)
            return tuple(found)

        for proof in await self._answers.get(question, tuple[Proof, ...], searched):
            yield proof

    async def screen(self, theorem: Theorem, options: CheckOptions) -> Screened:
        """See `Refuter.screen`."""
        question = ("screen", theorem.digest)
        return await self._answers.get(question, Screened, lambda: self._refuter.screen(theorem, options))

    async def negation(
        self, theorem: Theorem, name: str, written: Sequence[str], options: CheckOptions
    ) -> NegatedStatement:
        """See `Refuter.negation`."""
        question = ("negation", theorem.digest, name, *written)
        ask = self._refuter.negation
        return await self._answers.get(question, NegatedStatement, lambda: ask(theorem, name, written, options))
