"""Answers of runs as JSON objects."""

from collections.abc import Iterable, Mapping
from typing import Any

from prover.events import Finished, Refutation, StatementNote
from prover.verdict import Message, Trust, Verdict

Id = str | int
Row = Mapping[str, Any]


def check_row(item_id: Id, verdict: Verdict) -> Row:
    """Return an output line of `check --jsonl`."""
    return {
        "id": item_id,
        "verdict": verdict.kind.name,
        "trust": verdict.trust.name,
        "path": verdict.path.value,
        "messages": [message_row(message) for message in verdict.messages],
        "axioms": list(verdict.axioms),
        "axioms_complete": verdict.axioms_complete,
        **({"assumed": list(verdict.assumed)} if verdict.trust is Trust.CROSS_CHECKED else {}),
        **({"term": verdict.term} if verdict.term else {}),
        "elapsed_ms": round(verdict.elapsed_ms, 3),
    }


def message_row(message: Message) -> Row:
    """Return a message as JSON."""
    return {
        "severity": message.severity,
        "text": message.text,
        "region": message.region.value,
        "line": message.line,
        "column": message.column,
    }


def finished_row(finished: Finished) -> Row:
    """Return the further results of a search other than proofs, if any."""
    row: dict[str, Any] = {"stuck_at": finished.stuck_at} if finished.stuck_at else {}
    if finished.refutation is not None:
        row["refutation"] = refutation_row(finished.refutation)
    if finished.notes:
        row["notes"] = note_rows(finished.notes)
    return row


def refutation_row(refutation: Refutation) -> Row:
    """Return a refutation as JSON: the negation, its proof, and values for which the theorem is false."""
    verdict = refutation.proof.verdict
    return {
        "statement": refutation.statement,
        "proof": refutation.proof.candidate.text,
        "trust": verdict.trust.name,
        "path": verdict.path.value,
        "counterexample": dict(refutation.counterexample),
    }


def note_rows(notes: Iterable[StatementNote]) -> list[Row]:
    """Return the notes on a statement as JSON."""
    return [{"kind": note.kind.value, "text": note.text, "names": list(note.names)} for note in notes]
