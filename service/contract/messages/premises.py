"""Messages of library searches."""

from leansieve.v1 import premises_pb2
from prover.errors import InputError
from prover.premises.query import Premise, Premises, QueryKind, QueryResult
from prover.source.typed import take
from prover.theorem import Header, HeaderError
from service.contract import fields, values
from service.ops.config import TextSettings


def request_to_proto(request: Premises) -> premises_pb2.SuggestPremisesRequest:
    """Convert to a request."""
    message = premises_pb2.SuggestPremisesRequest(
        header=request.header.text,
        context=request.context,
        project=request.project,
        premises=request.most,
        timeout=fields.duration(request.seconds),
        priority=values.priority_to_proto(request.priority),
    )
    setattr(message, request.kind.value, request.text)
    return message


def request_from_proto(
    request: premises_pb2.SuggestPremisesRequest, most: int, seconds: float, texts: TextSettings
) -> Premises:
    """Convert a request.

    Raises:
        InputError: a text is invalid.
    """
    kind = request.WhichOneof("query")
    if kind is None:
        raise InputError("query", "the request names nothing to look for: set name, pattern or goal")
    text = take(kind, getattr(request, kind), texts.statement)
    if not text.strip():
        raise InputError(kind, f"the {kind} is empty")
    take("header", request.header, texts.header)
    try:
        header = (
            Header.of_project(request.header)
            if request.project
            else Header.parse(request.header)
            if request.header.strip()
            else Header()
        )
    except HeaderError as error:
        raise InputError("header", str(error)) from None
    return Premises(
        QueryKind(kind),
        text,
        header,
        take("context", request.context, texts.context),
        request.project,
        request.premises if request.HasField("premises") else most,
        fields.seconds(request.timeout) if request.HasField("timeout") else seconds,
        values.priority_from_proto(request.priority),
    )


def response_to_proto(found: QueryResult, log_id: str) -> premises_pb2.SuggestPremisesResponse:
    """Convert a result to its message."""
    return premises_pb2.SuggestPremisesResponse(
        log_id=log_id,
        premises=[
            premises_pb2.Premise(
                name=one.name,
                kind=one.kind,
                type=one.type,
                module=one.module,
                score=one.score,
                outdated=one.outdated,
            )
            for one in found.premises
        ],
        searched=found.searched,
        fitting=found.fitting,
    )


def response_from_proto(response: premises_pb2.SuggestPremisesResponse) -> QueryResult:
    """Convert a message to a result."""
    premises = (Premise(one.name, one.kind, one.type, one.module, one.score, one.outdated) for one in response.premises)
    return QueryResult(tuple(premises), response.searched, response.fitting)
