"""Draws conjectures, asks Lean about them, and records the outcome of each; resumable."""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from random import Random

from pydantic import ValidationError

from prover.concurrency.tasks import for_each
from prover.lean.checker import Checker
from prover.sampling.plans.statement import Statement
from prover.search.diversity import length
from training.conjectures.bandit import Bandit
from training.conjectures.evidence import evidence
from training.conjectures.experience import Experience, is_own
from training.conjectures.outcome import ConjectureOutcome, ConjectureStatus, arm_of
from training.conjectures.questions import ConjectureBudget, ConjectureQuestions
from training.conjectures.sources.library import LibraryTheorems, as_known, at_numbers
from training.conjectures.sources.mutated import Mutated, readable
from training.conjectures.sources.proposal import ProposedTheorem, Source
from training.conjectures.sources.templates import FromTemplates
from training.conjectures.sources.witnessed import WithWitnesses
from training.corpus.held_out import HeldOut
from training.corpus.newness import key
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord
from training.journal import Journal, JournalError

_REPORT_SECONDS = 20.0


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
        self._held_out = HeldOut([*held_out, *filter(None, map(at_numbers, held_out))])
        library = [record for record in library if record not in self._held_out]
        lemmas = as_known(library)
        self._known = {_digest(key(record)) for record in (*known, *(source.theorem for source in sources))}
        self._known |= {_digest(key(record)) for record in filter(None, map(at_numbers, library))}
        drawn: list[Source] = [Mutated(readable(sources))]
        drawn += [Mutated(lemmas, "library"), LibraryTheorems(library)] if lemmas else []
        drawn += [FromTemplates(), WithWitnesses()] if templates else []
        self._sources = {arm: source for source in drawn for arm in source.arms}
        self._bandit = Bandit(self._sources)

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
        for outcome in outcomes.values():
            self._resume(outcome, journal)
        progress = _Progress(count, list(outcomes.values()), report)

        async def draw(number: int) -> None:
            outcome = await self._outcome(checker, number)
            self._learn(outcome)
            journal.append(outcome.model_dump_json(exclude_defaults=True))
            outcomes[number] = outcome
            progress.advance(outcome)

        await for_each([number for number in range(count) if number not in outcomes], draw, concurrency)
        return [outcomes[number] for number in sorted(outcomes)]

    def _resume(self, outcome: ConjectureOutcome, journal: Journal) -> None:
        """Go on from a conjecture of an earlier run.

        Raises:
            JournalError: it was drawn with another seed.
        """
        if outcome.seed not in (None, self._seed):
            raise JournalError(
                f"{journal.path} was drawn with seed {outcome.seed}, not {self._seed}: go on with that seed, or name "
                "another file."
            )
        if outcome.key:
            self._known.add(outcome.key)
        for attempt in outcome.attempts:
            kind = outcome.arm if is_own(attempt.recipe) else outcome.kind
            self._experience.learn(kind, attempt.recipe, attempt.gained, attempt.milliseconds)
        self._learn(outcome)

    def _learn(self, outcome: ConjectureOutcome) -> None:
        """Learn how much an arm gives, and Lean's time is worth."""
        self._bandit.learn(
            arm_of(outcome), outcome.status is ConjectureStatus.KEPT, len(outcome.proofs), outcome.milliseconds
        )
        if outcome.attempts:
            rejected = sum(attempt.gained for attempt in outcome.attempts) - len(outcome.proofs)
            further = outcome.milliseconds - sum(attempt.milliseconds for attempt in outcome.attempts)
            self._experience.add(-rejected, further)

    async def _outcome(self, checker: Checker, number: int) -> ConjectureOutcome:
        random = Random(f"{self._seed}/{number}")
        proposal = self._propose(random)
        record = proposal.record
        drawn = ConjectureOutcome(
            number=number, seed=self._seed, status=ConjectureStatus.KNOWN, mutations=proposal.made_by, arm=proposal.arm
        )
        digest = _digest(f"guard {record.guard}" if record.guard else key(record))
        if digest in self._known:
            return drawn
        if record in self._held_out:
            return drawn.model_copy(update={"status": ConjectureStatus.HELD_OUT})
        self._known.add(digest)
        drawn = drawn.model_copy(update={"key": digest})
        seen = evidence(Statement.read(record.theorem), random)
        if seen.false:
            return drawn.model_copy(update={"status": ConjectureStatus.FALSE})
        asked = ConjectureQuestions(checker, proposal, self._budget, self._experience)
        status = await asked.status(seen, random)
        proofs = asked.proofs if status is ConjectureStatus.KEPT else {}
        return drawn.model_copy(
            update={
                "status": status,
                "theorem": record if status in (ConjectureStatus.KEPT, ConjectureStatus.OPEN) else None,
                "proofs": tuple(proofs.values()),
                "terms": tuple(proofs),
                "kind": proposal.kind,
                "attempts": tuple(asked.attempts),
                "tried": len(asked.attempts),
                "tokens": min(map(length, proofs.values()), default=0),
                "milliseconds": round(asked.milliseconds),
            }
        )

    def _propose(self, random: Random) -> ProposedTheorem:
        """Return a proposal of the arm that the bandit chooses.

        Raises:
            ValueError: nothing is left to draw from.
        """
        while self._bandit.arms:
            arm = self._bandit.choose(random)
            proposal = self._sources[arm].propose(arm, random)
            if proposal is not None:
                return proposal
            self._bandit.drop(arm)
        raise ValueError("No theorem is left whose statement could be changed.")


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
            kept_count = self._statuses[ConjectureStatus.KEPT]
            self._report(
                f"{self._done}/{self._count} drawn, {kept_count} theorems with {self._proofs} proofs kept, "
                f"{round(kept_count / hours)} and {round(self._proofs / hours)} an hour of Lean"
            )
