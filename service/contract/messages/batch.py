"""Messages of batches."""

from dataclasses import replace

from leansieve.v1 import batch_pb2, search_pb2
from prover.errors import InputError
from prover.lean.workers.jobs import Priority
from prover.requests import Bounds
from service.batch.batches import (
    Answered,
    BatchEvent,
    BatchItem,
    BatchRequest,
    BatchState,
    BatchStatus,
    ItemAnswer,
    ItemOutcome,
)
from service.contract import fields, values
from service.contract.fields import read, write
from service.contract.messages import search
from service.ops.config import TextSettings

_STATES = {state: batch_pb2.BatchState.Value(f"BATCH_STATE_{state.name}") for state in BatchState}
_STATE_OF = {value: state for state, value in _STATES.items()}
_OUTCOMES = {outcome: batch_pb2.BatchOutcome.Value(f"BATCH_OUTCOME_{outcome.name}") for outcome in ItemOutcome}
_OUTCOME_OF = {value: outcome for outcome, value in _OUTCOMES.items()}


def request_to_proto(batch: BatchRequest) -> batch_pb2.CreateBatchRequest:
    """Convert a batch to a request."""
    return batch_pb2.CreateBatchRequest(
        request_id=batch.key,
        items=[
            batch_pb2.BatchItem(
                id=item.id, theorem=values.theorem_to_proto(item.theorem), guard=item.guard, family=item.family
            )
            for item in batch.items
        ],
        options=write(batch.options, search_pb2.SearchOptions()),
        label=batch.label,
        repeat=batch.options.repeat,
    )


def request_from_proto(request: batch_pb2.CreateBatchRequest, default: Bounds, texts: TextSettings) -> BatchRequest:
    """Convert a request to a batch.

    Raises:
        InputError: a text of an item is invalid.
    """
    items = []
    for number, item in enumerate(request.items):
        try:
            theorem = values.theorem_from_proto(item.theorem, texts)
        except InputError as error:
            raise InputError(f"items[{number}].{error.field}", f"item {item.id!r}: {error}") from None
        items.append(BatchItem(item.id, theorem, item.guard, item.family))
    options = replace(read(request.options, default.options(Priority.BATCH)), repeat=request.repeat)
    return BatchRequest(tuple(items), options, request.request_id, request.label)


def status_to_proto(status: BatchStatus) -> batch_pb2.Batch:
    """Convert a status to its message."""
    return batch_pb2.Batch(
        id=status.id,
        label=status.label,
        state=_STATES[status.state],
        item_count=status.items,
        answered_count=status.answered,
        running_count=status.running,
        create_time=fields.timestamp(status.created),
        end_time=None if status.finished is None else fields.timestamp(status.finished),
    )


def status_from_proto(status: batch_pb2.Batch) -> BatchStatus:
    """Convert a message to a status."""
    return BatchStatus(
        id=status.id,
        label=status.label,
        state=_STATE_OF.get(status.state, BatchState.RUNNING),
        items=status.item_count,
        answered=status.answered_count,
        running=status.running_count,
        created=fields.seconds(status.create_time),
        finished=fields.seconds(status.end_time) if status.HasField("end_time") else None,
    )


def event_to_proto(event: BatchEvent) -> batch_pb2.WatchBatchResultsResponse:
    """Convert an event to its message."""
    match event:
        case Answered(position, answer):
            return batch_pb2.WatchBatchResultsResponse(result=_result_to_proto(position, answer))
        case BatchStatus():
            return batch_pb2.WatchBatchResultsResponse(batch=status_to_proto(event))


def event_from_proto(response: batch_pb2.WatchBatchResultsResponse) -> BatchEvent | None:
    """Convert a message to an event; None if this version does not know its kind."""
    match response.WhichOneof("event"):
        case "result":
            return Answered(response.result.cursor, _result_from_proto(response.result))
        case "batch":
            return status_from_proto(response.batch)
        case _:
            return None


def _result_to_proto(cursor: int, answer: ItemAnswer) -> batch_pb2.BatchResult:
    return batch_pb2.BatchResult(
        cursor=cursor,
        id=answer.id,
        family=answer.family,
        outcome=_OUTCOMES[answer.outcome],
        proofs=[search.proof_to_proto(proof, number) for number, proof in enumerate(answer.proofs)],
        end=search.ending_to_proto(answer.ending),
        spent=search.progress_to_proto(answer.spent),
        verdict=None if answer.verdict is None else values.verdict_to_proto(answer.verdict),
        error=answer.error,
        attempts=answer.attempts,
        notes=search.notes_to_proto(answer.notes),
        refutation=None if answer.refutation is None else search.refutation_to_proto(answer.refutation),
    )


def _result_from_proto(result: batch_pb2.BatchResult) -> ItemAnswer:
    return ItemAnswer(
        id=result.id,
        outcome=_OUTCOME_OF.get(result.outcome, ItemOutcome.FAILED),
        family=result.family,
        proofs=tuple(search.proof_from_proto(proof) for proof in result.proofs),
        ending=search.ending_from_proto(result.end),
        spent=search.progress_from_proto(result.spent),
        verdict=values.verdict_from_proto(result.verdict) if result.HasField("verdict") else None,
        error=result.error,
        attempts=result.attempts,
        notes=search.notes_from_proto(result.notes),
        refutation=search.refutation_from_proto(result.refutation) if result.HasField("refutation") else None,
    )
