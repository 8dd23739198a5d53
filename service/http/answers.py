"""Outgoing data: messages and errors as JSON, events of a stream as server-sent events."""

import json
import math
from collections.abc import Mapping

from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, error_details_pb2
from google.rpc.status_pb2 import Status
from starlette.types import Send

HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
STATUS_OF = {
    code_pb2.INVALID_ARGUMENT: 400,
    code_pb2.FAILED_PRECONDITION: 409,
    code_pb2.UNAUTHENTICATED: 401,
    code_pb2.PERMISSION_DENIED: 403,
    code_pb2.NOT_FOUND: 404,
    code_pb2.RESOURCE_EXHAUSTED: 429,
    code_pb2.UNAVAILABLE: 503,
    code_pb2.DEADLINE_EXCEEDED: 504,
}
"""HTTP status by gRPC code; other codes map to 500."""
STREAM = "text/event-stream"
# No empty line behind it: some clients take that for an event without data.
STILL_AT_IT = b": still at it\n"
# What some clients take for the end of a line, and standards do not; in JSON it occurs inside texts alone.
_LINE_ENDS = str.maketrans({"\x85": "\\u0085", "\u2028": "\\u2028", "\u2029": "\\u2029"})


def as_json(message: Message) -> str:
    """Return protobuf's JSON on one line; zero and empty fields are included unless absence has a meaning."""
    return json_format.MessageToJson(
        message, indent=None, always_print_fields_with_no_presence=True, ensure_ascii=False
    )


def event(message: Message) -> bytes:
    """Return a server-sent event, named by the content of the message: `accepted`, `proof`, … or `message`."""
    names = message.DESCRIPTOR.oneofs_by_name
    kind = message.WhichOneof("event") if "event" in names else None
    return _event(str(kind or "message"), as_json(message))


def error_event(status: Status) -> bytes:
    """Return the last event of a stream that ends with an error."""
    return _event("error", _error(status, _http_status(status)))


async def send_error(send: Send, status: Status, headers: Mapping[str, str], http_status: int | None = None) -> None:
    """Send an error in the form of Google's HTTP interfaces (AIP-193)."""
    number, extra = http_status or _http_status(status), {}
    if status.code == code_pb2.UNAUTHENTICATED:
        extra["www-authenticate"] = "Bearer"
    retry = error_details_pb2.RetryInfo()
    if any(detail.Unpack(retry) for detail in status.details):
        extra["retry-after"] = str(max(1, math.ceil(retry.retry_delay.seconds + retry.retry_delay.nanos / 1e9)))
    await send_whole(send, number, _error(status, number), {**headers, **extra})


async def send_whole(
    send: Send, status: int, text: str, headers: Mapping[str, str], media_type: str = "application/json"
) -> None:
    """Send a complete text."""
    body = text.encode()
    await send_start(send, status, {**headers, "content-length": str(len(body))}, media_type)
    await send({"type": "http.response.body", "body": body})


async def send_start(send: Send, status: int, headers: Mapping[str, str], media_type: str) -> None:
    """Start a response."""
    every = {"content-type": media_type, **HEADERS, **headers}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in every.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})


def plain_status(code: int, text: str, reason: str) -> Status:
    """Return the status for an error of the bridge itself."""
    status = Status(code=code, message=text)
    status.details.add().Pack(error_details_pb2.ErrorInfo(reason=reason, domain="leansieve"))
    return status


def _http_status(status: Status) -> int:
    return STATUS_OF.get(status.code, 500)


def _error(status: Status, http_status: int) -> str:
    details = [json_format.MessageToDict(detail) for detail in status.details]
    name = code_pb2.Code.Name(status.code)
    error = {"code": http_status, "message": status.message, "status": name, "details": details}
    return json.dumps({"error": error}, ensure_ascii=False)


def _event(name: str, text: str) -> bytes:
    return f"event: {name}\ndata: {text.translate(_LINE_ENDS)}\n\n".encode()
