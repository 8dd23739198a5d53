"""Lines of docs/worker-protocol.md: requests, answers, cancellations and acknowledgements."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from prover.verdict import VerdictKind

T = TypeVar("T")
Fields = Mapping[str, Any]

_ERROR = TypeAdapter(dict[Literal["code", "message"], str])


class ProtocolError(RuntimeError):
    """The worker violated the protocol."""


class AnswerError(RuntimeError):
    """The worker answered `"ok": false`."""

    def __init__(self, code: str, message: str) -> None:
        """Store the code (`bad_request`, `bad_header`, `internal`) and the worker's message."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """A request that can be sent to any worker.

    Attributes:
        body: the JSON object without its `id`, from its first field on.
        read: builds the result from the answer's fields, its duration in milliseconds, and whether the deadline had
            passed.
        failed: builds the result (or raises) if there is no answer, from kind, one sentence and milliseconds.
    """

    op: str
    body: bytes
    read: Callable[[Fields, float, bool], T]
    failed: Callable[[VerdictKind, str, float], T]

    def line(self, number: int) -> bytes:
        """Return the request as a line for the worker's stdin, with the id `number`."""
        return b'{"id":%d,%s\n' % (number, self.body)


def read_answer(text: bytes) -> tuple[int, Fields]:
    """Return the id and the fields of an answer.

    Raises:
        ProtocolError: it is not a JSON object with an id.
    """
    try:
        fields = from_json(text, allow_inf_nan=False)  # also rejects invalid Unicode
    except ValueError:
        raise ProtocolError("an answer is not JSON") from None
    if not isinstance(fields, dict) or type(fields.get("id")) is not int or type(fields.get("ok")) is not bool:
        raise ProtocolError("an answer has no id or no ok field")
    return fields["id"], fields


def accepted(fields: Fields) -> Fields:
    """Return the fields if the worker accepted the request.

    Raises:
        AnswerError: it did not.
        ProtocolError: it did not, and gave no reason.
    """
    if fields["ok"]:
        return fields
    error = shaped(_ERROR, fields.get("error"))
    raise AnswerError(error["code"], error["message"])


def cancel_line(number: int, channel: Literal["memory", "stdin"]) -> bytes:
    """Return the line that cancels request `number`, for a control channel of that kind."""
    return b"cancel %d\n" % number if channel == "memory" else b'{"id":%d,"op":"cancel"}\n' % number


def acknowledged(line: bytes) -> int:
    """Return the number of the request that a line of the control socket acknowledges as cancelled.

    Raises:
        ProtocolError: the line has another form.
    """
    word, _, number = line.strip().partition(b" ")
    if word != b"cancelled" or not number.isdigit() or len(number) > 18:
        raise ProtocolError("the control channel said something else than `cancelled N`")
    return int(number)


def shaped(shape: TypeAdapter[T], value: object) -> T:
    """Return the value if it has the given type, so that a faulty worker cannot pass on anything else.

    Raises:
        ProtocolError: it does not.
    """
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"an answer does not fit the protocol: {where}: {first['msg']}") from None
