"""The transport over stdin and stdout. The SDK's own transport does not answer unreadable lines, so that clients wait."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

_NO_JSON = "this line is not a JSON-RPC message in UTF-8: send one object a line, without lone surrogates"
_NO_MESSAGE = "this object is not a JSON-RPC 2.0 message: a request has `jsonrpc`, `id`, a `method`, and at most `params`, an object"


@contextlib.asynccontextmanager
async def answered() -> AsyncIterator[tuple[MemoryObjectReceiveStream[Any], Any]]:
    """Open the streams of the transport: incoming messages, and a stream for answers."""
    async with stdio_server() as (read, write):
        readable, messages = anyio.create_memory_object_stream[Any](0)

        async def pass_on() -> None:
            async with readable:
                async for one in read:
                    if isinstance(one, Exception):
                        await write.send(SessionMessage(_refusal(one)))
                    else:
                        await readable.send(one)

        async with anyio.create_task_group() as group:
            group.start_soon(pass_on)
            yield messages, write
            group.cancel_scope.cancel()


def _refusal(error: Exception) -> JSONRPCError:
    found = _object_of(error)
    data = ErrorData(code=PARSE_ERROR, message=_NO_JSON)
    if found is not None and isinstance(error, ValidationError) and error.errors()[0]["type"] != "json_invalid":
        data = ErrorData(code=INVALID_REQUEST, message=_NO_MESSAGE)
    name = found.get("id") if found else None
    usable = isinstance(name, str | int) and not isinstance(name, bool)
    return JSONRPCError(jsonrpc="2.0", id=name if usable else None, error=data)


def _object_of(error: Exception) -> dict[str, Any] | None:
    """Return the object on the line, if there is one; Python's JSON parser is more tolerant than the SDK's."""
    if not isinstance(error, ValidationError):
        return None
    # The errors are about the forms that a message may have: each holds the line, the object on it, or a part of that.
    inputs = [one["input"] for one in error.errors() if len(one["loc"]) < 2 or one["type"] == "missing"]
    for each in inputs:
        try:
            read = json.loads(each) if isinstance(each, str | bytes) else each
        except (ValueError, RecursionError):
            continue
        if isinstance(read, dict):
            return read
    return None
