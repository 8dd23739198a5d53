"""Incoming requests: JSON in protobuf's mapping, whole or one message per line, with limits of size and time."""

import asyncio
import json
import re
from collections.abc import AsyncIterator

from google.protobuf import json_format
from google.protobuf.message import Message
from starlette.types import Receive

from prover.errors import InputError
from service.core.limits.text import printable
from service.handlers.calls import Unread

_MOST_DEPTH = 64  # of nested messages; those of the contract are less than half as deep
_SECONDS = 60.0  # for a body that is not a stream
_LONGEST_COMPLAINT = 300
_LONGEST_ID = 256
_NO_TEXT = re.compile(r"expected string or bytes-like object, got '(\w+)'")  # Python's words for a field of text
_BLANK = "\ufeff \t\r\n"


class TooLargeError(InputError):
    """The body exceeds the size limit."""


class Body:
    """The body of one request."""

    def __init__(self, receive: Receive, most: int) -> None:
        """Accept messages of at most `most` bytes."""
        self._receive = receive
        self._most = most
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=16)  # a faster client waits

    async def read(self) -> None:
        """Receive the body; returns when the client has disconnected."""
        reading = True
        while (message := await self._receive())["type"] != "http.disconnect":
            if reading and message.get("body"):
                await self._chunks.put(message["body"])
            if reading and not message.get("more_body"):
                await self._chunks.put(None)
                reading = False

    async def whole(self) -> bytes:
        """Return the whole body.

        Raises:
            InputError: it is too long, or takes too long.
        """
        data = bytearray()
        try:
            async with asyncio.timeout(_SECONDS):
                while (chunk := await self._chunks.get()) is not None:
                    data += chunk
                    if len(data) > self._most:
                        raise TooLargeError("request", f"the request is longer than the {self._most:,} bytes taken")
        except TimeoutError:
            raise InputError("request", f"the request did not arrive within {_SECONDS:g} s") from None
        return bytes(data)

    async def lines(self) -> AsyncIterator[tuple[int, bytes | None]]:
        """Yield the non-blank lines of a body as they arrive, with their numbers from 1; None in place of a line that is too long."""
        number, line, long = 1, bytearray(), False
        while (chunk := await self._chunks.get()) is not None:
            first, *others = chunk.split(b"\n")
            for ended, piece in ((False, first), *((True, other) for other in others)):
                if ended:
                    if long or line.strip():
                        yield number, None if long else bytes(line)
                    number, line, long = number + 1, bytearray(), False
                if long or len(line) + len(piece) > self._most:
                    line, long = bytearray(), True  # the rest of the line is dropped
                else:
                    line += piece
        if long or line.strip():
            yield number, None if long else bytes(line)


def parse(data: bytes, message: Message) -> None:
    """Fill `message` from JSON; field names may be as in the contract or in lowerCamelCase.

    Raises:
        InputError: the text is not valid JSON for this message.
    """
    try:
        text = data.decode()
        if not text.lstrip(_BLANK).startswith("{"):  # protobuf parses [] as an empty message, and fails on null
            json.loads(text.lstrip(_BLANK))
            raise InputError(
                "request", f"the request is not valid JSON of {message.DESCRIPTOR.name}: send an object, {{…}}"
            )
        json_format.Parse(text, message, max_recursion_depth=_MOST_DEPTH)
    except json.JSONDecodeError:
        raise InputError("request", "the request is not JSON: send an object, {…}") from None
    except UnicodeDecodeError as error:
        raise InputError("request", f"the request is not UTF-8 at byte {error.start}") from None
    except (json_format.ParseError, RecursionError, UnicodeEncodeError, ValueError, TypeError) as error:
        text = _NO_TEXT.sub(r"a text is expected, not \1", str(error).partition("\n")[0].rstrip("."))
        text = printable(text)[:_LONGEST_COMPLAINT]
        raise InputError("request", f"the request is not valid JSON of {message.DESCRIPTOR.name}: {text}") from None


async def messages(
    lines: AsyncIterator[tuple[int, bytes | None]], kind: type[Message]
) -> AsyncIterator[Message | Unread]:
    """Yield a message for each line, with the id `line:N` if it has none; an invalid line is reported under its id, if it has one, and does not end the stream."""
    async for number, line in lines:
        message = kind()
        try:
            if line is None:
                raise InputError("request", "it is longer than this server takes")
            parse(line, message)
        except InputError as error:
            error_at_line = InputError("request", f"line {number}: {error}")
            yield Unread((_id_in(line) if line else "") or f"line:{number}", error_at_line)
        else:
            if "id" in message.DESCRIPTOR.fields_by_name and not message.id:  # type: ignore[attr-defined]
                message.id = f"line:{number}"  # type: ignore[attr-defined]
            yield message


def _id_in(line: bytes) -> str:
    """Return the id of an item that cannot be read; empty if the id cannot be read either."""
    try:
        found = json.loads(line)["id"]
        found.encode()
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return ""
    return found if isinstance(found, str) and len(found) <= _LONGEST_ID else ""
