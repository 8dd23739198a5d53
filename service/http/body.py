"""Requests as they come in: JSON in protobuf's mapping, whole or a message a line, with limits on size and time."""

import asyncio
from collections.abc import AsyncIterator

from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from starlette.types import Receive

from prover.errors import InputError
from service.core.limits.text import printable

_MOST_DEPTH = 64  # of nested messages; the contract's are not half as deep
_SECONDS = 60.0  # for a body that is no stream
_LONGEST_COMPLAINT = 300
_BLANK = "\ufeff \t\r\n"


class TooLargeError(InputError):
    """The body is longer than is taken."""


class Body:
    """The body of one request."""

    def __init__(self, receive: Receive, most: int) -> None:
        """Take messages of at most `most` bytes."""
        self._receive = receive
        self._most = most
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=16)  # a client that sends faster waits

    async def read(self) -> None:
        """Take in what the client sends; returns when the client has hung up."""
        reading = True
        while (message := await self._receive())["type"] != "http.disconnect":
            if reading and message.get("body"):
                await self._chunks.put(message["body"])
            if reading and not message.get("more_body"):
                await self._chunks.put(None)
                reading = False

    async def whole(self) -> bytes:
        """All of it.

        Raises:
            InputError: it is too long, or takes too long to come.
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
        """The lines of a body, without those that are blank, as they come.

        Raises:
            DecodeError: one is too long.
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
    """Fill `message` from JSON; fields may be named as in the contract or in lowerCamelCase.

    Raises:
        InputError: it is no JSON of this message.
    """
    try:
        text = data.decode()
        if not text.lstrip(_BLANK).startswith("{"):  # protobuf takes [] for an empty message, and fails inside on null
            raise InputError("request", f"the request is no JSON of {message.DESCRIPTOR.name}: send an object, {{…}}")
        json_format.Parse(text, message, max_recursion_depth=_MOST_DEPTH)
    except UnicodeDecodeError as error:
        raise InputError("request", f"the request is no UTF-8 at byte {error.start}") from None
    except (json_format.ParseError, RecursionError, UnicodeEncodeError, ValueError, TypeError) as error:
        text = printable(str(error).partition("\n")[0])[:_LONGEST_COMPLAINT]
        raise InputError("request", f"the request is no JSON of {message.DESCRIPTOR.name}: {text}") from None


async def messages(lines: AsyncIterator[bytes], kind: type[Message]) -> AsyncIterator[Message]:
    """A message for each line.

    Raises:
        DecodeError: one is none; as gRPC's own streams do.
    """
    async for line in lines:
        message = kind()
        try:
            parse(line, message)
        except InputError as error:
            raise DecodeError(str(error)) from None
        yield message
