"""Events of a search: progress, each proof as it is found, and at the end the result and its cost."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from prover.candidate import Candidate
from prover.search.diversity import Diversity
from prover.verdict import Verdict, VerdictKind


class Ending(StrEnum):
    """The reason why a search ended."""

    PROOFS_FOUND = "proofs_found"
    SAMPLERS_EXHAUSTED = "samplers_exhausted"
    SAMPLES_SPENT = "samples_spent"
    CHECKS_SPENT = "checks_spent"
    SECONDS_SPENT = "seconds_spent"
    INVALID_STATEMENT = "invalid_statement"
    INFRASTRUCTURE = "infrastructure"
    REFUTED = "refuted"  # the statement is false; a verified proof of its negation was found
    KNOWN_FAILURE = "known_failure"  # nothing was spent: an earlier search with at least this budget failed


@dataclass(frozen=True, slots=True)
class Progress:
    """The spending of a search so far, reported after each answer of Lean.

    Attributes:
        sampled: number of candidates, lines and repairs taken from samplers.
        distinct: whole proofs that differ from all earlier ones (`prover.search.diversity.normalise`).
        checked: number of verdicts on whole proofs.
        proofs: distinct verified proofs among them.
        seconds: time since the search began; in `Finished` since the request, with the elaboration of the statement, for
            which a Lean process may have to start.
        tokens: number of tokens sampled by models.
        requests: questions to Lean other than checks: goals and tactic steps.
        waited: seconds of `seconds` lost to that elaboration and to the queue: the time since the search began times
            the share of all question time in which questions waited for a worker.
    """

    sampled: int = 0
    distinct: int = 0
    checked: int = 0
    proofs: int = 0
    seconds: float = 0.0
    tokens: int = 0
    requests: int = 0
    waited: float = 0.0

    def later(self, seconds: float) -> "Progress":
        """Return the spending of a search that had to wait for so many seconds before it began."""
        return replace(self, seconds=self.seconds + seconds, waited=self.waited + seconds)


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof, distinct from all earlier ones.

    Attributes:
        seconds: time since the search began.
        stored: whether the proof came from the store (`prover.store`) and was verified again.
    """

    candidate: Candidate
    verdict: Verdict
    seconds: float
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Minimised:
    """A shorter version of an earlier proof, itself verified."""

    original: Proof
    proof: Proof


@dataclass(frozen=True, slots=True)
class Spending:
    """The spending of one strategy.

    Fields as in `Progress`, except that `checked` counts checks begun and `seconds` is the strategy's running time.
    """

    name: str
    sampled: int = 0
    tokens: int = 0
    checked: int = 0
    requests: int = 0
    proofs: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Waste:
    """Work in progress that was discarded when the search reached its goal.

    Attributes:
        samples: candidates that waited for a worker or a verdict.
        tokens: tokens of these candidates.
        checks: questions that Lean was answering.
    """

    samples: int = 0
    tokens: int = 0
    checks: int = 0


class NoteKind(StrEnum):
    """The kind of a note on a statement."""

    CONTRADICTORY = "contradictory"
    """The hypotheses contradict each other."""
    UNUSED = "unused"
    """A binder of the statement has no connection to its goal."""
    TRIVIAL = "trivial"
    """The statement has an immediate proof."""
    NOT_NEGATED = "not_negated"
    """A refutation was requested, but the statement cannot be negated."""


@dataclass(frozen=True, slots=True)
class StatementNote:
    """A peculiarity of a statement that suggests it does not say what was meant.

    Attributes:
        text: one sentence.
        names: variables and hypotheses concerned.
    """

    kind: NoteKind
    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refutation:
    """A verified refutation of a theorem.

    Attributes:
        statement: statement of the negation, under the same header and context.
        proof: proof of the negation, accepted by the kernel.
        counterexample: values of the variables for which the refuted theorem is false; empty if the proof does not use
            such values.
    """

    statement: str
    proof: Proof
    counterexample: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a search.

    Attributes:
        spent: total spending.
        verdicts: number of candidates by verdict.
        verdict: the verdict that ended the search, for `INVALID_STATEMENT` and `INFRASTRUCTURE`.
        proofs: the answer: distinct proofs, best first, at most as many as requested, minimised if requested.
        diversity: diversity of `proofs`; None if there are none.
        spending: spending by strategy.
        waste: discarded work; all zero unless the search ended by reaching its goal.
        stuck_at: library constant whose body is missing in this Lean, so that evaluation of the goal stops there; empty
            if there is a proof or no such constant was met.
        notes: peculiarities of the statement; the list need not be complete.
        refutation: the refutation, if the ending is `REFUTED`.
    """

    ending: Ending
    spent: Progress
    verdicts: Mapping[VerdictKind, int]
    verdict: Verdict | None = None
    proofs: tuple[Proof, ...] = ()
    diversity: Diversity | None = None
    spending: tuple[Spending, ...] = ()
    waste: Waste = Waste()
    stuck_at: str = ""
    notes: tuple[StatementNote, ...] = ()
    refutation: Refutation | None = None


Event = Progress | Proof | Minimised | Finished
