"""Draws conjectures, asks Lean about them, and records the outcome of each; resumable."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

from pydantic import ValidationError

from prover.lean.checker import Checker
from prover.sampling.plans.statement import Statement
from prover.search.diversity import length
from training.conjectures.evidence import evidence
from training.conjectures.experience import Experience
from training.conjectures.newness import key
from training.conjectures.outcome import ConjectureOutcome, ConjectureStatus
from training.conjectures.questions import ConjectureBudget, ConjectureQuestions
from training.conjectures.sources.library import LibraryTheorems, as_known, at_numbers
from training.conjectures.sources.mutated import Mutated, readable
from training.conjectures.sources.proposal import ProposedTheorem, Source
from training.conjectures.sources.templates import FromTemplates
from training.corpus.dedupe import outline
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.journal import Journal, JournalError

_REPORT_SECONDS = 20.0
_WEIGHTS = {"mutations": 1.5, "library mutations": 3.0, "templates": 6.0, "library": 0.3}
"""Relative frequencies of the available sources."""


class Growth:
    """Makes new theorems from proved ones and, on request, from templates and the library."""

    def __init__(
        self,
        sources: Sequence[ProvedTheorem],
        held_out: Sequence[TheoremRecord],
        seed: int = 0,
        budget: ConjectureBudget | None = None,
        known: Sequence[TheoremRecord] = (),
        library: Sequence[TheoremRecord] = (),
        templates: bool = False,
    ) -> None:
        """Read the sources. Sources that cannot be parsed, and `known` theorems, only exclude conjectures equal to
        them.

        Args:
            library: theorems of the library: to be proved anew, and to be mutated. What is held out is left out.
            templates: whether to draw from the templates of synthetic theorems, too.

        Raises:
            ValueError: none of the sources can be taken apart.
        """
        self._budget = budget or ConjectureBudget()
        self._seed = seed
        self._experience = Experience()
        guards = {record.guard for record in held_out if record.guard}
        everywhere = [*held_out, *filter(None, map(at_numbers, held_out))]
        self._outlines = {outline(record) for record in everywhere}
        self._held_out = {_digest(key(record)) for record in everywhere}
        library = [record for record in library if record.guard not in guards and not self._is_held_out(record)]
        lemmas = as_known(library)
        self._known = {_digest(key(record)) for record in (*known, *(source.theorem for source in sources))}
        self._known |= {_digest(key(record)) for record in filter(None, map(at_numbers, library))}
        self._sources: dict[str, Source] = {"mutations": Mutated(readable(sources))}
        if lemmas:
            self._sources |= {"library mutations": Mutated(lemmas), "library": LibraryTheorems(library)}
        if templates:
            self._sources["templates"] = FromTemplates()

    async def grow(
        self,
        checker: Checker,
        journal: Journal,
        count: int,
        concurrency: int = 1,
        report: Callable[[str], None] = print,
    ) -> list[ConjectureOutcome]:
        """Draw until `count` conjectures have been drawn in total, including those in the journal.

        Raises:
            JournalError: the journal has other content.
            LeanGoneError: Lean gave no answer; earlier results are in the journal.
        """
        outcomes = {outcome.number: outcome for outcome in read_outcomes(journal)}
        self._known |= {outcome.key for outcome in outcomes.values() if outcome.key}
        numbers = iter([number for number in range(count) if number not in outcomes])
        progress = _Progress(count, list(outcomes.values()), report)

        async def work() -> None:
            for number in numbers:
                outcome = await self._outcome(checker, number)
                journal.append(outcome.model_dump_json(exclude_defaults=True))
                outcomes[number] = outcome
                progress.advance(outcome)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(concurrency):
                    group.create_task(work())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return [outcomes[number] for number in sorted(outcomes)]

    async def _outcome(self, checker: Checker, number: int) -> ConjectureOutcome:
        random = Random(f"{self._seed}/{number}")
        proposal = self._propose(random)
        record, made_by = proposal.record, proposal.made_by
        digest = _digest(f"guard {record.guard}" if record.guard else key(record))
        if digest in self._known:
            return ConjectureOutcome(number=number, status=ConjectureStatus.KNOWN, mutations=made_by)
        if digest in self._held_out or self._is_held_out(record):
            return ConjectureOutcome(number=number, status=ConjectureStatus.HELD_OUT, mutations=made_by)
        self._known.add(digest)
        seen = evidence(Statement.read(record.theorem), random)
        if seen.false:
            return ConjectureOutcome(number=number, status=ConjectureStatus.FALSE, mutations=made_by, key=digest)
        asked = ConjectureQuestions(checker, proposal, self._budget, self._experience)
        status = await asked.status(seen, random)
        proofs = asked.proofs if status is ConjectureStatus.KEPT else {}
        return ConjectureOutcome(
            number=number,
            status=status,
            mutations=made_by,
            key=digest,
            theorem=record if status in (ConjectureStatus.KEPT, ConjectureStatus.OPEN) else None,
            proofs=tuple(proofs.values()),
            terms=tuple(proofs),
            tried=asked.tried,
            tokens=min(map(length, proofs.values()), default=0),
            milliseconds=round(asked.milliseconds),
        )

    def _propose(self, random: Random) -> ProposedTheorem:
        """Return a proposal of one of the sources, chosen by weight."""
        while True:
            names = list(self._sources)
            name = random.choices(names, [_WEIGHTS[each] for each in names])[0]
            proposal = self._sources[name].propose(random)
            if proposal is not None:
                return proposal
            del self._sources[name]  # the source is exhausted

    def _is_held_out(self, record: TheoremRecord) -> bool:
        return outline(record) in self._outlines


def read_outcomes(journal: Journal) -> Iterator[ConjectureOutcome]:
    """Read the outcomes of earlier runs.

    Raises:
        JournalError: a line is invalid.
    """
    for number, line in journal.lines():
        try:
            yield ConjectureOutcome.model_validate_json(line)
        except ValidationError:
            raise JournalError(
                f"{journal.path}:{number}: this is not a line of conjectures; name another file."
            ) from None


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class _Progress:
    """Reports progress periodically, with theorems and proofs per hour of Lean."""

    def __init__(self, count: int, done: Iterable[ConjectureOutcome], report: Callable[[str], None]) -> None:
        self._count, self._report = count, report
        self._statuses: Counter[ConjectureStatus] = Counter()
        self._proofs = self._done = 0
        self._milliseconds = 0
        self._last = time.monotonic()
        for outcome in done:
            self._add(outcome)

    def _add(self, outcome: ConjectureOutcome) -> None:
        self._done += 1
        self._statuses[outcome.status] += 1
        self._proofs += len(outcome.proofs)
        self._milliseconds += outcome.milliseconds

    def advance(self, outcome: ConjectureOutcome) -> None:
        self._add(outcome)
        now = time.monotonic()
        if now - self._last >= _REPORT_SECONDS or self._done == self._count:
            self._last = now
            hours = max(1, self._milliseconds) / 3_600_000
            kept = self._statuses[ConjectureStatus.KEPT]
            self._report(
                f"{self._done}/{self._count} drawn, {kept} theorems with {self._proofs} proofs kept, "
                f"{round(kept / hours)} and {round(self._proofs / hours)} an hour of Lean"
            )
