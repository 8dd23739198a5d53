"""One line of docs/worker-protocol.md: a request as it is sent, an answer as it comes, a cancel and its acknowledgement."""

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
    """The worker said something that does not fit the protocol."""


class AnswerError(RuntimeError):
    """The worker answered `"ok": false`."""

    def __init__(self, code: str, message: str) -> None:
        """Keep the code (`bad_request`, `bad_header`, `internal`) and the worker's message."""
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Request(Generic[T]):
    """One request, ready to be sent to any worker.

    Attributes:
        body: the JSON object without its `id`, from its first field on.
        read: makes the result from the answer's fields, the milliseconds it took, and whether the deadline had passed.
        failed: makes the result (or raises) when there is no answer: kind, one sentence, milliseconds.
    """

    op: str
    body: bytes
    read: Callable[[Fields, float, bool], T]
    failed: Callable[[VerdictKind, str, float], T]

    def line(self, number: int) -> bytes:
        """The request as a line for the worker's stdin, under the id `number`."""
        return b'{"id":%d,%s\n' % (number, self.body)


def read_answer(text: bytes) -> tuple[int, Fields]:
    """The id and the fields of an answer.

    Raises:
        ProtocolError: it is not a JSON object with an id.
    """
    try:
        fields = from_json(text, allow_inf_nan=False)  # refuses what is not Unicode, too
    except ValueError:
        raise ProtocolError("an answer is not JSON") from None
    if not isinstance(fields, dict) or type(fields.get("id")) is not int or type(fields.get("ok")) is not bool:
        raise ProtocolError("an answer has no id or no ok field")
    return fields["id"], fields


def accepted(fields: Fields) -> Fields:
    """The same fields, if the worker accepted the request.

    Raises:
        AnswerError: it did not.
        ProtocolError: it did not, and does not say why.
    """
    if fields["ok"]:
        return fields
    error = shaped(_ERROR, fields.get("error"))
    raise AnswerError(error["code"], error["message"])


def cancel_line(number: int, channel: Literal["memory", "stdin"]) -> bytes:
    """The line that cancels request `number`, for the control channel of that kind."""
    return b"cancel %d\n" % number if channel == "memory" else b'{"id":%d,"op":"cancel"}\n' % number


def acknowledged(line: bytes) -> int:
    """Which request a line of the control socket says was cancelled.

    Raises:
        ProtocolError: it says something else.
    """
    word, _, number = line.strip().partition(b" ")
    if word != b"cancelled" or not number.isdigit() or len(number) > 18:
        raise ProtocolError("the control channel said something else than `cancelled N`")
    return int(number)


def shaped(shape: TypeAdapter[T], value: object) -> T:
    """The value, if it has the shape: a worker gone mad cannot hand on anything else.

    Raises:
        ProtocolError: it has not.
    """
    try:
        return shape.validate_python(value)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise ProtocolError(f"an answer does not fit the protocol: {where}: {first['msg']}") from None
