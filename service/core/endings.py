"""Endings of searches, in words and as errors for clients."""

from prover.events import Refutation
from prover.lean.wire.answers import Elaboration
from prover.requests import StatementError, UnavailableError
from prover.search.search import Ending, Finished
from prover.verdict import Policy, Verdict, VerdictKind

_ENDINGS = {
    Ending.PROOFS_FOUND: "proved",
    Ending.SAMPLERS_EXHAUSTED: "no more candidates",
    Ending.SAMPLES_SPENT: "all samples spent",
    Ending.CHECKS_SPENT: "all checks spent",
    Ending.SECONDS_SPENT: "time is over",
    Ending.REFUTED: "refuted",
}


def ending(finished: Finished) -> str:
    """Return the reason why a search ended, in a few words."""
    counts: dict[VerdictKind, int] = dict(finished.verdicts)
    verdicts = ", ".join(f"{count} {kind.name}" for kind, count in counts.items()) or "nothing checked"
    spent = finished.spent
    if finished.ending is Ending.SECONDS_SPENT and not spent.sampled + spent.checked + spent.requests:
        verdicts += ": the time went into starting Lean for this statement, or into waiting; allow more seconds"
    why = f"{_ENDINGS.get(finished.ending, finished.ending.name)} after {spent.seconds:.1f} s ({verdicts})"
    return f"{why}; {stuck(finished.stuck_at)}" if finished.stuck_at else why


def stuck(constant: str) -> str:
    """Explain that a constant's body is missing, and what to do."""
    return (
        f"the embedded Lean does not hold the body of `{constant}`, so `decide` and `rfl` stop there; "
        "a native toolchain continues (docs/native.md)"
    )


def refuted(found: Refutation) -> str:
    """Describe a refutation with its counterexample."""
    values = ", ".join(f"{name} = {value}" for name, value in found.counterexample)
    return f"REFUTED{f', with {values}' if values else ''}: the kernel accepted a proof of the negation"


def accept(elaboration: Elaboration, policy: Policy) -> None:
    """Raise StatementError or UnavailableError unless the statement elaborates."""
    kind = elaboration.verdict
    if kind is VerdictKind.INFRASTRUCTURE:
        raise UnavailableError("; ".join(message.text for message in elaboration.messages))
    if kind is not VerdictKind.VERIFIED:
        raise StatementError(Verdict(kind, policy=policy, messages=elaboration.messages))


def raise_if_hopeless(finished: Finished) -> None:
    """Raise the error that ended a search, if it was not an ordinary ending."""
    verdict = finished.verdict
    if finished.ending is Ending.INVALID_STATEMENT and verdict is not None:
        raise StatementError(verdict)
    if finished.ending is Ending.INFRASTRUCTURE:
        messages = "; ".join(message.text for message in verdict.messages) if verdict else ""
        raise UnavailableError(f"the search was broken off: {messages}")
