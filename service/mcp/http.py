"""The transport over streamable HTTP."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from mcp.types import INVALID_REQUEST, ErrorData, JSONRPCError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from prover.errors import UserError
from prover.requests import Service
from service.auth.tls import http_context
from service.client.address import Address, refuse_unprotected
from service.mcp.callers import Callers
from service.mcp.server import build
from service.ops.config import Settings
from service.ops.connections.descriptors import raise_limit
from service.ops.connections.guests import ConnectionBounds, Guests
from service.ops.connections.listener import Listener
from service.ops.metrics.recorder import Recorder

_WRITTEN = 4  # bytes of JSON for a byte of text, at most, except control characters
_SENTENCE = "the body is not a JSON-RPC message: send one request or notification object"


class InSentences:
    """Answers a body that is not a JSON-RPC message with one sentence, where the SDK's app sends a report of several lines."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an app of the SDK."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See ASGI."""
        start: Message | None = None

        async def answer(message: Message) -> None:
            nonlocal start
            if message["type"] == "http.response.start" and message["status"] == 400:
                start = message
                return
            if start is not None:
                body = _in_a_sentence(message["body"])
                headers = [one for one in start["headers"] if one[0] != b"content-length"]
                await send({**start, "headers": [*headers, (b"content-length", str(len(body)).encode())]})
                message, start = {**message, "body": body}, None
            await send(message)

        await self._app(scope, receive, answer)


def _in_a_sentence(body: bytes) -> bytes:
    try:
        found: Any = json.loads(body)["error"]["message"]
    except (ValueError, LookupError, TypeError):
        return body
    if not str(found).startswith("Validation error: "):
        return body
    error = JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=INVALID_REQUEST, message=_SENTENCE))
    return error.model_dump_json(by_alias=True, exclude_unset=True).encode()


async def serve_http(
    service: Callable[[], Awaitable[Service]], settings: Settings, listen: str, ready: Callable[[str], None]
) -> None:
    """Serve streamable HTTP at `http://LISTEN/mcp` until cancelled; `ready` is called with the address.

    Raises:
        UserError: the address cannot be bound, or other machines could reach it without encryption or authentication.
    """
    refuse_unprotected(listen, settings)
    address, security = Address.parse(listen), settings.security
    try:
        bound = address.bound()
    except OSError as error:
        raise UserError(f"cannot serve MCP on {listen}: {error.strerror}; choose another address with --http") from None
    scheme = "https" if security.encrypted else "http"
    url = f"{scheme}://{listen.rpartition(':')[0]}:{bound.getsockname()[1]}"
    server = build(service, settings, Callers(settings), url)
    # The size limit of a tool's arguments, written as JSON: longer lines are answered with a sentence.
    app = server.streamable_http_app(host=address.host, max_request_body_size=_WRITTEN * settings.server.message_bytes)
    guests = Guests(ConnectionBounds.of(settings.server, raise_limit()), Recorder().connections("mcp"))
    listener = Listener(bound, InSentences(app), guests, http_context(security) if security.encrypted else None)
    async with server.session_manager.run():
        await listener.start()
        ready(f"{url}/mcp")
        try:
            await asyncio.Event().wait()
        finally:
            await listener.close()
