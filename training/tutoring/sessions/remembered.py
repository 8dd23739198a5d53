"""Lean's answers about one theorem, kept in a file: thousands of sessions come by the same half proofs.

What Lean says of a text is the same each time; what a search finds depends on how long it had, and is kept as it was found the first time. So
sessions that are run again, or on from where they were killed, are the same bit for bit.
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
from prover.lean.wire.answers import Constant, NegatedStatement, ProofSteps, Screened
from prover.options import CheckOptions
from prover.requests import Check, Event, Search
from prover.theorem import Theorem
from prover.tutor.tutor import Looking
from prover.verdict import Verdict, VerdictKind
from training.journal import Journal

T = TypeVar("T")

SEARCH_SECONDS = 0.5
"""Of one search, at most."""
_UNSETTLED = frozenset({VerdictKind.INFRASTRUCTURE, VerdictKind.TIMEOUT})


class RememberedAnswers:
    """Lean's answers about one theorem, by question. Use it as a context manager.

    Attributes:
        seconds: what the questions since this was last set to 0 took, or took when they were asked for the first time.
        asked: how many were new.
    """

    def __init__(self, path: Path) -> None:
        """Read what was kept, and keep what is new.

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
        """The kept answer to a question; one that is not there is asked for. What is unsettled, for want of time, is not kept."""
        key = json.dumps(question, ensure_ascii=False)
        if key not in self._kept:
            began = time.perf_counter()
            answer = await ask()
            seconds = time.perf_counter() - began
            self.asked += 1
            self.seconds += seconds
            if getattr(answer, "kind", getattr(answer, "verdict", None)) in _UNSETTLED:
                return answer
            if key not in self._kept:  # the same may have been asked twice at a time
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
    """What a tutor asks of Lean about one theorem, answered from memory where it can be."""

    def __init__(self, lean: Looking, answers: RememberedAnswers) -> None:
        """Ask `lean` what `answers` do not hold."""
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
        """See `LeanPool.constants`."""
        question = ("constants", *names)
        kind = tuple[Constant, ...]
        return await self._answers.get(question, kind, lambda: self._lean.constants(theorem, names, terms))


class RememberedSearch:
    """As `RememberedLean`, for what searches and refutes."""

    def __init__(self, refuter: Refuter, answers: RememberedAnswers) -> None:
        """Ask `refuter` what `answers` do not hold."""
        self._refuter = refuter
        self._answers = answers

    async def check(self, request: Check) -> Verdict:
        """See `Refuter.check`."""
        question = ("check", request.theorem.digest, request.candidate.text)
        return await self._answers.get(question, Verdict, lambda: self._refuter.check(request))

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """See `Refuter.prove`: the proofs alone, once the search has ended."""
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
