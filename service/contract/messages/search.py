"""Messages of searches and their results. `service.contract.messages.events` has their events."""

from collections.abc import Iterable

from leansieve.v1 import prove_pb2, search_pb2
from prover.candidate import Candidate
from prover.events import Ending, NoteKind, Progress, Proof, Refutation, StatementNote
from prover.requests import Bounds, Search
from service.contract import fields, values
from service.contract.fields import read, write
from service.ops.config import TextSettings

_ENDINGS = {
    Ending.PROOFS_FOUND: search_pb2.SEARCH_END_PROOFS_FOUND,
    Ending.SAMPLERS_EXHAUSTED: search_pb2.SEARCH_END_SAMPLERS_EXHAUSTED,
    Ending.SAMPLES_SPENT: search_pb2.SEARCH_END_SAMPLES_SPENT,
    Ending.CHECKS_SPENT: search_pb2.SEARCH_END_CHECKS_SPENT,
    Ending.SECONDS_SPENT: search_pb2.SEARCH_END_TIME_SPENT,
    Ending.REFUTED: search_pb2.SEARCH_END_REFUTED,
    Ending.KNOWN_FAILURE: search_pb2.SEARCH_END_KNOWN_FAILURE,
}
_ENDING_OF = {value: ending for ending, value in _ENDINGS.items()}
_NOTES = {kind: search_pb2.NoteKind.Value(f"NOTE_KIND_{kind.name}") for kind in NoteKind}
_NOTE_OF = {value: kind for kind, value in _NOTES.items()}


def request_to_proto(search: Search) -> prove_pb2.ProveRequest:
    """Convert a search to a request."""
    return prove_pb2.ProveRequest(
        theorem=values.theorem_to_proto(search.theorem),
        options=write(search.options, search_pb2.SearchOptions()),
        priority=values.priority_to_proto(search.options.check.priority),
    )


def request_from_proto(request: prove_pb2.ProveRequest, default: Bounds, texts: TextSettings) -> Search:
    """Convert a request to a search.

    Raises:
        InputError: a text is invalid.
    """
    options = read(request.options, default.options(values.priority_from_proto(request.priority)))
    return Search(values.theorem_from_proto(request.theorem, texts), options)


def ending_to_proto(ending: Ending | None) -> search_pb2.SearchEnd.ValueType:
    """Convert the ending of a search; UNSPECIFIED for errors."""
    return (
        search_pb2.SEARCH_END_UNSPECIFIED if ending is None else _ENDINGS.get(ending, search_pb2.SEARCH_END_UNSPECIFIED)
    )


def ending_from_proto(value: search_pb2.SearchEnd.ValueType) -> Ending | None:
    """Convert to the ending of a search; None if unspecified."""
    return _ENDING_OF.get(value)


def progress_to_proto(progress: Progress) -> search_pb2.SearchProgress:
    """Convert the spending of a search to its message."""
    return search_pb2.SearchProgress(
        sampled=progress.sampled,
        distinct=progress.distinct,
        checked=progress.checked,
        proofs=progress.proofs,
        elapsed_duration=fields.duration(progress.seconds),
        tokens=progress.tokens,
        requests=progress.requests,
    )


def progress_from_proto(progress: search_pb2.SearchProgress) -> Progress:
    """Convert a message to the spending of a search."""
    return Progress(
        progress.sampled,
        progress.distinct,
        progress.checked,
        progress.proofs,
        fields.seconds(progress.elapsed_duration),
        progress.tokens,
        progress.requests,
    )


def proof_to_proto(proof: Proof, number: int) -> search_pb2.VerifiedProof:
    """Convert a verified proof, the `number`-th of its search, to its message."""
    candidate = proof.candidate
    return search_pb2.VerifiedProof(
        text=candidate.text,
        verdict=values.verdict_to_proto(proof.verdict),
        source=candidate.source,
        log_prob=candidate.log_prob,
        tokens=candidate.tokens,
        seed=candidate.seed,
        elapsed_duration=fields.duration(proof.seconds),
        number=number,
        stored=proof.stored,
    )


def proof_from_proto(proof: search_pb2.VerifiedProof) -> Proof:
    """Convert a message to a verified proof."""
    candidate = Candidate(
        proof.text,
        source=proof.source,
        log_prob=proof.log_prob if proof.HasField("log_prob") else None,
        tokens=proof.tokens,
        seed=proof.seed if proof.HasField("seed") else None,
    )
    verdict = values.verdict_from_proto(proof.verdict)
    return Proof(candidate, verdict, fields.seconds(proof.elapsed_duration), proof.stored)


def notes_to_proto(notes: Iterable[StatementNote]) -> list[search_pb2.StatementNote]:
    """Convert the notes on a statement to messages."""
    return [search_pb2.StatementNote(kind=_NOTES[note.kind], text=note.text, names=note.names) for note in notes]


def notes_from_proto(notes: Iterable[search_pb2.StatementNote]) -> tuple[StatementNote, ...]:
    """Convert messages to notes; kinds that this version does not know are left out."""
    return tuple(
        StatementNote(_NOTE_OF[note.kind], note.text, tuple(note.names)) for note in notes if note.kind in _NOTE_OF
    )


def refutation_to_proto(refutation: Refutation) -> search_pb2.Refutation:
    """Convert a refutation to its message."""
    return search_pb2.Refutation(
        statement=refutation.statement,
        proof=proof_to_proto(refutation.proof, 0),
        counterexample=[search_pb2.Assignment(name=name, value=value) for name, value in refutation.counterexample],
    )


def refutation_from_proto(refutation: search_pb2.Refutation) -> Refutation:
    """Convert a message to a refutation."""
    values_ = tuple((one.name, one.value) for one in refutation.counterexample)
    return Refutation(refutation.statement, proof_from_proto(refutation.proof), values_)
