"""Incoming requests: JSON in protobuf's mapping, whole or one message per line, with limits of size and time."""

import asyncio
from collections.abc import AsyncIterator

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.types import Receive

from prover.errors import InputError
from service.core.limits.text import printable

_MOST_DEPTH = 64  # of nested messages; those of the contract are less than half as deep
_SECONDS = 60.0  # for a body that is not a stream
_LONGEST_COMPLAINT = 300
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

    async def lines(self) -> AsyncIterator[bytes]:
        """Yield the non-blank lines of a body as they arrive.

        Raises:
            DecodeError: a line is too long.
        """
        rest = bytearray()
        while (chunk := await self._chunks.get()) is not None:
            *ended, last = chunk.split(b"\n")
            for line in ended:
                rest += line
                if len(rest) > self._most:
                    break
                if rest.strip():
                    yield bytes(rest)
                rest.clear()
            rest += last
            if len(rest) > self._most:
                raise DecodeError("too long")
        if rest.strip():
            yield bytes(rest)


def parse(data: bytes, message: Message) -> None:
    """Fill `message` from JSON; field names may be as in the contract or in lowerCamelCase.

    Raises:
        InputError: the text is not valid JSON for this message.
    """
    try:
        text = data.decode()
        if not text.lstrip(_BLANK).startswith("{"):  # protobuf parses [] as an empty message, and fails on null
            raise InputError("request", f"the request is no JSON of {message.DESCRIPTOR.name}: send an object, {{…}}")
        json_format.Parse(text, message, max_recursion_depth=_MOST_DEPTH)
    except UnicodeDecodeError as error:
        raise InputError("request", f"the request is no UTF-8 at byte {error.start}") from None
    except (json_format.ParseError, RecursionError, UnicodeEncodeError, ValueError, TypeError) as error:
        text = printable(str(error).partition("\n")[0])[:_LONGEST_COMPLAINT]
        raise InputError("request", f"the request is no JSON of {message.DESCRIPTOR.name}: {text}") from None


async def messages(lines: AsyncIterator[bytes], kind: type[Message]) -> AsyncIterator[Message]:
    """Yield a message for each line.

    Raises:
        DecodeError: a line is not a valid message, as in gRPC's own streams.
    """
    async for line in lines:
        message = kind()
        try:
            parse(line, message)
        except InputError as error:
            raise DecodeError(str(error)) from None
        yield message
