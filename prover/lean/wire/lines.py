"""Lines of docs/worker-protocol.md: a request as it is sent, answers as they are found among all that a process prints, a cancel and its acknowledgement."""

import asyncio
from collections import deque
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


class FramingError(RuntimeError):
    """A line of the worker exceeds the maximum size of an answer."""


class Tail:
    """The end of an output stream, kept for diagnosis, and its total length."""

    def __init__(self, kept: int = 1 << 16) -> None:
        """Keep about the last `kept` bytes."""
        self._kept = kept
        self._chunks: deque[bytes] = deque()
        self._size = 0
        self.total = 0

    def add(self, chunk: bytes) -> None:
        """Add a piece of output."""
        self.total += len(chunk)
        chunk = chunk[-self._kept :]
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._kept:
            self._size -= len(self._chunks.popleft())

    def text(self, limit: int = 2_000) -> str:
        """Return the last `limit` characters with control characters escaped, safe for logs."""
        raw = b"".join(self._chunks).decode("utf-8", "backslashreplace")[-limit:].strip()
        return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in raw)


class Framer:
    """Splits a worker's stdout into answers (`<marker> <json>` lines) and other output.

    The marker is a nonce that no candidate knows, so it is recognised anywhere in a line: output without a line end
    cannot hide the answer after it.
    """

    def __init__(self, nonce: str, noise: Tail, longest: int = 16 << 20) -> None:
        """Recognise answers marked with `nonce` of at most `longest` bytes; other output goes to `noise`."""
        self._marker = f"@{nonce} ".encode("ascii")
        self._noise = noise
        self._longest = longest
        self._buffer = bytearray()
        self._seen = 0  # bytes of the buffer that contain no line end

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes; return the JSON text of each answer they complete.

        Raises:
            FramingError: an answer is too long.
        """
        self._buffer += data
        answers: list[bytes] = []
        start = 0
        while (end := self._buffer.find(b"\n", max(start, self._seen))) >= 0:
            line = bytes(self._buffer[start:end])
            start = end + 1
            if (at := line.find(self._marker)) >= 0:
                if at:
                    self._noise.add(line[:at])
                answers.append(line[at + len(self._marker) :])
            else:
                self._noise.add(line + b"\n")
        del self._buffer[:start]
        self._seen = len(self._buffer)
        if self._seen > self._longest:
            if self._marker in self._buffer:
                raise FramingError(f"an answer is longer than {self._longest} bytes")
            keep = len(self._marker) - 1
            self._noise.add(bytes(self._buffer[:-keep]))
            del self._buffer[:-keep]
            self._seen = keep
        return answers

    def end(self) -> None:
        """Finish the stream: an unfinished line counts as other output."""
        self._noise.add(bytes(self._buffer))
        self._buffer.clear()
        self._seen = 0


_LONGEST_LINE = 64


class ControlChannel(asyncio.Protocol):
    """Splits received data into lines."""

    def __init__(self, received: Callable[[bytes], None]) -> None:
        """Call `received` with each line, and with data too long for a line."""
        self._received = received
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._received(line)
        if len(self._rest) > _LONGEST_LINE:
            self._received(self._rest)
