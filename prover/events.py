"""What a search reports: progress, each proof as it is found, and at the end what came of it and what it took."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from prover.candidate import Candidate
from prover.search.diversity import Diversity
from prover.verdict import Verdict, VerdictKind


class Ending(StrEnum):
    """Why a search ended."""

    PROOFS_FOUND = "proofs_found"
    SAMPLERS_EXHAUSTED = "samplers_exhausted"
    SAMPLES_SPENT = "samples_spent"
    CHECKS_SPENT = "checks_spent"
    SECONDS_SPENT = "seconds_spent"
    INVALID_STATEMENT = "invalid_statement"
    INFRASTRUCTURE = "infrastructure"
    REFUTED = "refuted"  # the statement is false
    KNOWN_FAILURE = "known_failure"  # nothing was spent: at least the same budget was spent without success before


@dataclass(frozen=True, slots=True)
class Progress:
    """What was spent so far, reported after each answer of Lean.

    Attributes:
        sampled: candidates, lines and repairs taken from samplers.
        distinct: whole proofs that were not the same as an earlier one (`prover.search.diversity.normalise`).
        checked: verdicts on whole proofs.
        proofs: distinct verified proofs among them.
        seconds: since the search began.
        tokens: sampled by models.
        requests: goals and tactic steps asked of Lean besides the checks.
        waited: of `seconds`, those lost to others: questions to Lean that waited for a worker, as a share of all the time
            that questions took.
    """

    sampled: int = 0
    distinct: int = 0
    checked: int = 0
    proofs: int = 0
    seconds: float = 0.0
    tokens: int = 0
    requests: int = 0
    waited: float = 0.0


@dataclass(frozen=True, slots=True)
class Proof:
    """A verified proof, different from those before it.

    Attributes:
        seconds: since the search began.
        stored: whether it was known already (`prover.store`), and verified again.
    """

    candidate: Candidate
    verdict: Verdict
    seconds: float
    stored: bool = False


@dataclass(frozen=True, slots=True)
class Minimised:
    """A shorter proof made of one found before, verified in its own right."""

    original: Proof
    proof: Proof


@dataclass(frozen=True, slots=True)
class Spending:
    """What one strategy of a search took: as `Progress`, but `checked` counts checks begun; `seconds` that it ran."""

    name: str
    sampled: int = 0
    tokens: int = 0
    checked: int = 0
    requests: int = 0
    proofs: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Waste:
    """What was under way for nothing when the search had what it wanted.

    Attributes:
        samples: candidates taken that waited for a worker or a verdict.
        tokens: theirs.
        checks: questions that Lean was at.
    """

    samples: int = 0
    tokens: int = 0
    checks: int = 0


class NoteKind(StrEnum):
    """What a note says of a statement."""

    CONTRADICTORY = "contradictory"
    """Its hypotheses contradict each other."""
    UNUSED = "unused"
    """Something that it binds has nothing to do with its goal."""
    TRIVIAL = "trivial"
    """It holds at a glance."""
    NOT_NEGATED = "not_negated"
    """It was to be refuted, and could not be negated."""


@dataclass(frozen=True, slots=True)
class StatementNote:
    """Something that is odd about a statement, so that it may not say what it was meant to.

    Attributes:
        text: one sentence.
        names: of the variables and hypotheses that it is about.
    """

    kind: NoteKind
    text: str
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Refutation:
    """A theorem refuted.

    Attributes:
        statement: of another theorem under the same header and context, whose type is the negation of the refuted one's.
        proof: of that theorem, which the kernel accepted.
        counterexample: variables with values for which the refuted theorem is false, where the proof is by such values.
    """

    statement: str
    proof: Proof
    counterexample: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Finished:
    """The last event of a search.

    Attributes:
        spent: what it took.
        verdicts: how many candidates ended with each verdict.
        verdict: the verdict that ended the search, for `INVALID_STATEMENT` and `INFRASTRUCTURE`.
        proofs: the answer: distinct, at most as many as were wanted, best first, minimised if that was asked.
        diversity: of these proofs; None if there are none.
        spending: what each strategy took.
        waste: all zero unless the search ended because it had what it wanted.
        stuck_at: the library's constant at which evaluating the goal stops, as the Lean that was asked does not hold its body; empty
            if there is a proof, and where no such constant was met.
        notes: what is odd about the statement; that there are none says nothing.
        refutation: for `REFUTED`.
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
