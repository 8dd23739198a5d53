"""Errors in the contract: `google.rpc.Status` with details, and back.

| error | code | details |
|---|---|---|
| `InputError` | INVALID_ARGUMENT | BadRequest |
| `StatementError` | INVALID_ARGUMENT | BadRequest, the `Verdict` with Lean's messages |
| `BusyError` | RESOURCE_EXHAUSTED | RetryInfo |
| `LateError` | DEADLINE_EXCEEDED | |
| `QuotaError` | RESOURCE_EXHAUSTED | RetryInfo |
| `UnavailableError` | UNAVAILABLE | RetryInfo if the delay is known |
| `NoBatchError`, `NoClassroomError` | NOT_FOUND | |
| `RefusedError` | FAILED_PRECONDITION | |
| `UnknownCallerError` | UNAUTHENTICATED | |
| `NotAllowedError` | PERMISSION_DENIED | |
| any other | INTERNAL | |

Each has an ErrorInfo with a stable reason name for programs.
"""

import re
from dataclasses import replace

import grpc
from google.protobuf.any_pb2 import Any
from google.protobuf.message import Message as Proto
from google.rpc import code_pb2, error_details_pb2, status_pb2

from leansieve.v1 import verdict_pb2
from prover.errors import InputError, NotAllowedError, UnknownCallerError, UserError
from prover.requests import BusyError, GoneError, LateError, RefusedError, StatementError, UnavailableError
from prover.verdict import Region, Verdict
from service.batch.batches import NoBatchError
from service.classrooms.classroom import NoClassroomError
from service.contract import fields, values
from service.core.limits.admission import QuotaError
from service.core.limits.text import printable

DOMAIN = "leansieve"
# Metadata of ErrorInfo: the given time was too short; earlier versions had no other sign of it.
_LATE = {"late": "true"}
_TOO_LARGE = re.compile(r"(Sent|Received) message larger than max \((\d+) vs\. (\d+)\)")  # in gRPC's words
# Details travel in an HTTP/2 header; clients by default accept 8 KiB of headers in total.
_LONGEST_TEXT = 400
_MOST_DETAILS = 5_000
_FIELDS = {region: f"theorem.{region.value}" for region in Region} | {Region.CANDIDATE: "place"}

# Texts of gRPC on failed connections, with advice.
_HINTS = (
    ("CERTIFICATE_VERIFY_FAILED", "its certificate is from no authority that is trusted here; name one with --ca"),
    ("Hostname Verification", "its certificate is for another name; call it by one that the certificate has"),
    ("WRONG_VERSION_NUMBER", "it does not encrypt; leave out --ca and other settings of TLS"),
    ("Socket closed", "it hung up; it may want encryption (--ca) or a certificate (connection.certificate)"),
)


FAILED = "the server failed; its log says where"
"""Message for internal errors."""


def code_of(error: UserError | None) -> grpc.StatusCode:
    """Return the code of an error; None for an internal error."""
    number = to_status(error).code
    return next(code for code in grpc.StatusCode if code.value[0] == number)


def to_status(error: UserError | None = None) -> status_pb2.Status:
    """Return the status for an error; None for an internal error."""
    match error:
        case None:
            code, reason = code_pb2.INTERNAL, "INTERNAL"
            details: list[Proto] = []
        case StatementError(verdict=verdict):
            code, reason = code_pb2.INVALID_ARGUMENT, verdict.kind.name
            details = _statement_details(verdict)
        case InputError(violations=violations):
            code, reason = code_pb2.INVALID_ARGUMENT, "BAD_INPUT"
            found = [_violation(field, text) for field, text in violations]
            details = [error_details_pb2.BadRequest(field_violations=found)]
        case LateError():
            code, reason = code_pb2.DEADLINE_EXCEEDED, "LATE"
            details = []
        case BusyError(seconds=seconds):
            code, reason = code_pb2.RESOURCE_EXHAUSTED, "QUOTA" if isinstance(error, QuotaError) else "BUSY"
            details = [error_details_pb2.RetryInfo(retry_delay=fields.duration(seconds))]
        case UnavailableError(seconds=float(seconds)):
            code, reason = code_pb2.UNAVAILABLE, "UNAVAILABLE"
            details = [error_details_pb2.RetryInfo(retry_delay=fields.duration(seconds))]
        case NoBatchError():
            code, reason = code_pb2.NOT_FOUND, "NO_BATCH"
            details = []
        case NoClassroomError():
            code, reason = code_pb2.NOT_FOUND, "NO_CLASSROOM"
            details = []
        case RefusedError():
            code, reason = code_pb2.FAILED_PRECONDITION, "REFUSED"
            details = []
        case UnknownCallerError():
            code, reason = code_pb2.UNAUTHENTICATED, "UNKNOWN_CALLER"
            details = []
        case NotAllowedError():
            code, reason = code_pb2.PERMISSION_DENIED, "NOT_ALLOWED"
            details = []
        case _:
            code, reason = code_pb2.UNAVAILABLE, "UNAVAILABLE"
            details = []
    status = status_pb2.Status(
        code=code, message=FAILED if error is None else _short(printable(str(error), newlines=True))
    )
    metadata = _LATE if isinstance(error, LateError) else {}
    for detail in [error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata), *details]:
        packed = Any()
        packed.Pack(detail)
        status.details.append(packed)
    return status


def error_of(status: status_pb2.Status, address: str) -> UserError:
    """Return the error for the status of a call, or of an item in a stream."""
    text = status.message
    verdict, violations, retry = verdict_pb2.Verdict(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Is(error_details_pb2.ErrorInfo.DESCRIPTOR):
            detail.Unpack(info)
        if detail.Unpack(verdict):
            return StatementError(values.verdict_from_proto(verdict))
        if detail.Unpack(retry):
            kind = BusyError if status.code == code_pb2.RESOURCE_EXHAUSTED else UnavailableError
            kind = LateError if "late" in info.metadata else kind
            return kind(text, fields.seconds(retry.retry_delay))
        if detail.Unpack(violations) and len(status.details) == 2 and violations.field_violations:
            found = tuple((violation.field, violation.description) for violation in violations.field_violations)
            return InputError(found[0][0], text, found)
    if "late" in info.metadata:
        return LateError(text)
    if (large := _TOO_LARGE.search(text)) is not None:
        what = "answer" if text.startswith("CLIENT: Received") else "request"
        return InputError("request", f"the {what} is {int(large[2]):,} bytes long; at most {int(large[3]):,} are taken")
    match status.code:
        case code_pb2.UNAVAILABLE if not status.details:
            hint = next((hint for sign, hint in _HINTS if sign in text), "start one with `leansieve serve`")
            return GoneError(f"no server answers at {address}: {hint} ({text})")
        case code_pb2.RESOURCE_EXHAUSTED | code_pb2.INVALID_ARGUMENT:
            return InputError("request", text)
        case code_pb2.NOT_FOUND:
            return NoClassroomError(text) if info.reason == "NO_CLASSROOM" else NoBatchError(text)
        case code_pb2.FAILED_PRECONDITION:
            return RefusedError(text)
        case code_pb2.UNAUTHENTICATED:
            return UnknownCallerError(text)
        case code_pb2.PERMISSION_DENIED:
            return NotAllowedError(text)
        case code_pb2.DEADLINE_EXCEEDED:
            return UnavailableError(f"the server at {address} did not answer in time")
        case _:
            return UnavailableError(f"the server at {address} failed: {text}")


def _statement_details(verdict: Verdict) -> list[Proto]:
    """Return BadRequest and Verdict, with as many messages as fit."""
    errors = [message for message in verdict.messages if message.severity == "error"]
    messages = [replace(message, text=_short(message.text)) for message in errors]
    while True:
        violations = [
            _violation(_FIELDS[message.region], f"{message.line}:{message.column}: {message.text}")
            for message in messages
        ]
        details: list[Proto] = [
            error_details_pb2.BadRequest(field_violations=violations),
            values.verdict_to_proto(replace(verdict, messages=tuple(messages))),
        ]
        if not messages or sum(detail.ByteSize() for detail in details) <= _MOST_DETAILS:
            return details
        messages.pop()


def _violation(field: str, description: str) -> error_details_pb2.BadRequest.FieldViolation:
    return error_details_pb2.BadRequest.FieldViolation(
        field=field, description=_short(printable(description, newlines=True))
    )


def _short(text: str) -> str:
    """Truncate to `_LONGEST_TEXT` bytes, without blanks at the ends: with one, grpc-js has no message at all."""
    text = text.strip()
    data = text.encode()
    return text if len(data) <= _LONGEST_TEXT else data[:_LONGEST_TEXT].decode(errors="ignore") + " …"
