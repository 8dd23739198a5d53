"""The transport over stdin and stdout. The SDK's own transport does not answer unreadable lines, so that clients wait."""

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

_SENTENCE = "this line is no JSON-RPC message in UTF-8: send one object a line, without lone surrogates"


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
    data = ErrorData(code=PARSE_ERROR, message=_SENTENCE)
    return JSONRPCError(jsonrpc="2.0", id=_id_of(error), error=data)


def _id_of(error: Exception) -> str | int | None:
    """Return the id of an unreadable request if Python's JSON parser, which is more tolerant than the SDK's, finds one."""
    try:
        line = error.errors()[0]["input"] if isinstance(error, ValidationError) else ""
        found = json.loads(line)["id"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return found if isinstance(found, str | int) and not isinstance(found, bool) else None
