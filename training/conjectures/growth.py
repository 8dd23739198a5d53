"""Draws conjectures, asks Lean about them, and records the outcome of each; resumable."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random

from pydantic import ValidationError

from prover.assistance.screen import contradiction
from prover.candidate import Candidate
from prover.lean.checker import Checker, Terms
from prover.lean.workers.jobs import Priority
from prover.sampling.plans.statement import Statement
from prover.search.diversity import distinct_key, length
from prover.theorem import Theorem
from prover.verdict import Limits, VerdictKind
from training.conjectures.mutations import MUTATIONS, Conjecture, KnownTheorem, in_front
from training.conjectures.newness import key
from training.conjectures.outcome import ConjectureOutcome, Fate
from training.corpus.dedupe import outline
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.journal import Journal, JournalError

_TRIVIAL = "by first | with_reducible rfl | trivial | assumption | (intros; assumption)"
_REPORT_SECONDS = 20.0


class LeanGoneError(RuntimeError):
    """Lean gave no answer; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class ConjectureBudget:
    """Budget of a conjecture.

    Attributes:
        tries: maximum number of candidate proofs.
        first_tries: number of candidates after which it is given up if none holds.
        proofs: number of different proofs after which no more are tried.
        limits: limits of each check.
    """

    tries: int = 5
    first_tries: int = 2
    proofs: int = 3
    limits: Limits = field(default_factory=lambda: Limits(seconds=6.0, heartbeats=10_000))


@dataclass(frozen=True, slots=True)
class _Source:
    name: str
    known: KnownTheorem


class Growth:
    """Makes new theorems from proved ones."""

    def __init__(
        self,
        sources: Sequence[ProvedTheorem],
        held_out: Sequence[TheoremRecord],
        seed: int = 0,
        budget: ConjectureBudget | None = None,
        known: Sequence[TheoremRecord] = (),
    ) -> None:
        """Read the sources. Sources that cannot be parsed, and `known` theorems, only exclude conjectures equal to
        them.

        Raises:
            ValueError: no source can be parsed.
        """
        self._budget = budget or ConjectureBudget()
        self._seed = seed
        self._known = {_digest(key(record)) for record in (*known, *(source.theorem for source in sources))}
        self._outlines = {outline(record) for record in held_out}
        self._held_out = {_digest(key(record)) for record in held_out}
        self._sources: list[_Source] = []
        for source in sources:
            if (statement := Statement.read(source.theorem.theorem)) is not None and not source.theorem.guard:
                moved = in_front(KnownTheorem(statement, source.proofs))
                if moved.proofs:
                    self._sources.append(_Source(source.theorem.name, moved))
        # Computations without variables offer few mutations: they get one draw in ten.
        self._general = [source for source in self._sources if source.known.statement.variables] or self._sources
        if not self._sources:
            raise ValueError("There is no proved theorem whose statement could be changed.")

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
        mutations, source, conjecture = self._draw(random)
        record = _record(conjecture.statement, source, mutations)
        digest = _digest(key(record))
        if digest in self._known:
            return ConjectureOutcome(number=number, fate=Fate.KNOWN, mutations=mutations)
        if outline(record) in self._outlines or digest in self._held_out:
            return ConjectureOutcome(number=number, fate=Fate.HELD_OUT, mutations=mutations)
        self._known.add(digest)
        asked = _Asked(checker, record.theorem, self._budget)
        fate = await asked.fate(conjecture, random)
        return ConjectureOutcome(
            number=number,
            fate=fate,
            mutations=mutations,
            key=digest,
            theorem=record if fate is Fate.KEPT else None,
            proofs=tuple(asked.proofs) if fate is Fate.KEPT else (),
            tried=asked.tried,
            tokens=min(map(length, asked.proofs), default=0),
            milliseconds=round(asked.milliseconds),
        )

    def _draw(self, random: Random) -> tuple[tuple[str, ...], str, Conjecture]:
        """Apply one or two mutations to a source; tries another source if none applies."""
        while True:
            source, other = self._choose(random), self._choose(random)
            wanted = random.choice([1, 1, 2])
            names: tuple[str, ...] = ()
            made = Conjecture(source.known.statement, source.known.proofs)
            for name in _order(random):
                if len(names) == wanted:
                    break
                further = MUTATIONS[name](KnownTheorem(made.statement, made.proofs), other.known, random)
                if further is not None and further.proofs:
                    names = (*names, name)
                    made = Conjecture(further.statement, further.proofs, made.inhabited and further.inhabited)
            if names:
                return names, source.name, made

    def _choose(self, random: Random) -> _Source:
        return random.choice(self._sources if random.random() < 0.1 else self._general)


class _Asked:
    """A conjecture with its questions to Lean."""

    def __init__(self, checker: Checker, theorem: Theorem, budget: ConjectureBudget) -> None:
        self.proofs: list[str] = []
        self.tried = 0
        self.milliseconds = 0.0
        self._checker, self._theorem, self._budget = checker, theorem, budget

    async def fate(self, conjecture: Conjecture, random: Random) -> Fate:
        """Apply the filters that need Lean, the cheapest first."""
        different = {distinct_key(proof, self._theorem): proof for proof in reversed(conjecture.proofs)}
        candidates = list(different.values())
        random.shuffle(candidates)
        for proof in candidates[: self._budget.tries]:
            if len(self.proofs) >= self._budget.proofs or (not self.proofs and self.tried >= self._budget.first_tries):
                break
            self.tried += 1
            kind = await self._check(self._theorem, proof)
            if kind is VerdictKind.INVALID_STATEMENT:
                return Fate.MALFORMED
            if kind is VerdictKind.VERIFIED:
                self.proofs.append(proof)
        if not self.proofs:
            return Fate.UNPROVED
        if await self._check(self._theorem, _TRIVIAL) is VerdictKind.VERIFIED:
            return Fate.TRIVIAL
        if conjecture.inhabited or not conjecture.statement.hypotheses:
            return Fate.KEPT
        contradictory = await self._check(self._theorem, contradiction(thorough=True))
        return Fate.VACUOUS if contradictory is VerdictKind.VERIFIED else Fate.KEPT

    async def _check(self, theorem: Theorem, proof: str) -> VerdictKind:
        terms = Terms(self._budget.limits, priority=Priority.BATCH)
        verdict = await self._checker.check(theorem, Candidate(proof, source="conjectures"), terms)
        self.milliseconds += verdict.elapsed_ms
        if verdict.kind is VerdictKind.INFRASTRUCTURE:
            raise LeanGoneError("; ".join(message.text for message in verdict.messages))
        if verdict.kind is VerdictKind.VERIFIED and not verdict.verified:
            return VerdictKind.INCOMPLETE
        return verdict.kind


def _order(random: Random) -> list[str]:
    """Return the mutations in random order; the one that always applies and changes least is rarely early."""
    names = random.sample(list(MUTATIONS), len(MUTATIONS))
    if random.random() < 0.7:
        names.remove("add_hypothesis")
        names.append("add_hypothesis")
    return names


def read_outcomes(journal: Journal) -> Iterator[ConjectureOutcome]:
    """Read the outcomes of earlier runs.

    Raises:
        JournalError: a line is invalid.
    """
    for number, line in journal.lines():
        try:
            yield ConjectureOutcome.model_validate_json(line)
        except ValidationError:
            raise JournalError(f"{journal.path}:{number}: this is no line of conjectures; name another file.") from None


def _record(statement: Statement, source: str, mutations: Sequence[str]) -> TheoremRecord:
    digest = hashlib.sha256(statement.text("_").encode()).hexdigest()[:12]
    name = f"conj_{digest}"
    return TheoremRecord(
        name=name,
        statement=statement.text(name),
        source=f"{source}: {', '.join(mutations)}",
        family=f"conjectures/{source}",
    )


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


class _Progress:
    """Reports progress periodically, with theorems and proofs per hour of Lean."""

    def __init__(self, count: int, done: Iterable[ConjectureOutcome], report: Callable[[str], None]) -> None:
        self._count, self._report = count, report
        self._fates: Counter[Fate] = Counter()
        self._proofs = self._done = 0
        self._milliseconds = 0
        self._last = time.monotonic()
        for outcome in done:
            self._add(outcome)

    def _add(self, outcome: ConjectureOutcome) -> None:
        self._done += 1
        self._fates[outcome.fate] += 1
        self._proofs += len(outcome.proofs)
        self._milliseconds += outcome.milliseconds

    def advance(self, outcome: ConjectureOutcome) -> None:
        self._add(outcome)
        now = time.monotonic()
        if now - self._last >= _REPORT_SECONDS or self._done == self._count:
            self._last = now
            hours = max(1, self._milliseconds) / 3_600_000
            kept = self._fates[Fate.KEPT]
            self._report(
                f"{self._done}/{self._count} drawn, {kept} theorems with {self._proofs} proofs kept, "
                f"{round(kept / hours)} and {round(self._proofs / hours)} an hour of Lean"
            )
