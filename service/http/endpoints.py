"""Calls as HTTP endpoints: JSON in; JSON or server-sent events out. Disconnecting cancels the call, in Lean, too."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import code_pb2
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from prover.errors import UserError
from service.contract.status import to_status
from service.handlers.calls import REQUEST_ID, Call, Unread
from service.http import answers
from service.http.body import Body, TooLargeError, messages, parse
from service.http.calls import KINDS, HttpCalls

JSON, LINES = "application/json", "application/x-ndjson"


class Bundle(Protocol):
    """Several requests in one body, with a writer for the combined answer."""

    def requests(self) -> AsyncIterator[Message]:
        """Return the requests."""

    def write(self, answers: Sequence[Message]) -> str:
        """Return the body for the answers, which are in order of completion."""


class Endpoint:
    """One method of the contract, as an ASGI application.

    Scripts of web pages need a CORS preflight to send these media types to another host, so a web page open in a
    browser cannot call a server on that machine.
    """

    def __init__(
        self,
        calls: HttpCalls,
        method: MethodDescriptor,
        most: int,
        read: Callable[[bytes], Message] | None = None,
        write: Callable[[Message], str] = answers.as_json,
        bundled: Callable[[bytes], Bundle] | None = None,
    ) -> None:
        """Serve `method`.

        Args:
            most: maximum size of a message in bytes.
            read: parses the request from a body; raises InputError. By default JSON of the request's message.
            write: builds the body for a response.
            bundled: for a bidirectional stream, parses several requests from one body, to be answered with one body;
                raises InputError.
        """
        self._calls = calls
        self._method = method
        self._most = most
        self._kind = GetMessageClass(method.input_type)
        self._read = read or self._message
        self._write = write
        self._bundled = bundled
        self._media_type = LINES if method.client_streaming and bundled is None else JSON

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        body = Body(receive, self._most)
        answering = asyncio.create_task(self._answer(scope, body, send))
        reading = asyncio.create_task(body.read())
        try:
            await asyncio.wait([answering, reading], return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            reading.cancel()
            await asyncio.wait([answering, reading])
        if not answering.cancelled():
            answering.result()

    async def _answer(self, scope: Scope, body: Body, send: Send) -> None:
        headers = Headers(scope=scope)
        if headers.get("content-type", "").partition(";")[0].strip().lower() != self._media_type:
            text = f"send {self._media_type}, and say so in the header Content-Type"
            status = answers.plain_status(code_pb2.INVALID_ARGUMENT, text, "MEDIA_TYPE")
            await answers.send_error(send, status, {}, http_status=415)
            return
        too_large = False
        bundle: Bundle | None = None

        async def whole() -> Message | AsyncIterator[Message]:
            nonlocal too_large, bundle
            try:
                data = await body.whole()
            except TooLargeError:
                too_large = True
                raise
            if self._bundled is None:
                return self._read(data)
            bundle = await asyncio.to_thread(self._bundled, data)
            return bundle.requests()

        def requests() -> Awaitable[Message | AsyncIterator[Message]] | AsyncIterator[Message | Unread]:
            return messages(body.lines(), self._kind) if self._media_type == LINES else whole()

        call = self._call(scope, headers)
        sent = {REQUEST_ID: call.log_id}
        started = False
        try:
            async with contextlib.aclosing(self._calls.answers(self._method, call, requests)) as found:
                if not self._method.server_streaming:
                    (message,) = [answer async for answer in found if answer is not None]
                    await answers.send_whole(send, 200, self._write(message), sent)
                    return
                if self._bundled is not None:
                    answered = [answer async for answer in found if answer is not None]
                    assert bundle is not None
                    await answers.send_whole(send, 200, bundle.write(answered), sent)
                    return
                async for answer in found:
                    if answer is None and not started:
                        continue
                    if not started:
                        await self._start(send, sent)
                        started = True
                    data = answers.STILL_AT_IT if answer is None else answers.event(answer)
                    await send({"type": "http.response.body", "body": data, "more_body": True})
        except Exception as error:
            told = to_status(error if isinstance(error, UserError) else None)
            if not started:
                await answers.send_error(send, told, sent, 413 if too_large else None)
                return
            await send({"type": "http.response.body", "body": answers.error_event(told), "more_body": True})
        if not started:
            await self._start(send, sent)
        await send({"type": "http.response.body", "body": b""})

    def _call(self, scope: Scope, headers: Headers) -> Call:
        client = scope.get("client")
        host = client[0] if client else "unix"
        return Call(
            service=self._method.containing_service.full_name,
            method=self._method.name,
            kind=KINDS[self._method.client_streaming, self._method.server_streaming],
            metadata=dict(headers),
            peer=f"[{host}]" if ":" in host else host,
            common_name=scope.get("state", {}).get("common_name"),
            system="http",
        )

    async def _start(self, send: Send, sent: dict[str, str]) -> None:
        await answers.send_start(send, 200, {**sent, "x-accel-buffering": "no"}, answers.STREAM)

    def _message(self, data: bytes) -> Message:
        message = self._kind()
        parse(data, message)
        return message
