"""What is done around every call, whatever its method: one interceptor for authentication, metrics and traces alike."""

from __future__ import annotations  # gRPC's handlers are generic for the type checker alone

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError

from prover.errors import InputError
from service.grpc import status

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A call as it comes in.

    Attributes:
        service: full name of a service that is registered here, as in `leansieve.v1.ProofSearch`.
        method: a name of its method, as in `Prove`.
        kind: `unary`, `client_stream`, `server_stream` or `bidi_stream`.
        metadata: what the client sent beside the request; of a key that came twice, the last.
        context: of gRPC.
        system: how it came, `grpc` or `http`.
    """

    service: str
    method: str
    kind: str
    metadata: Mapping[str, str | bytes]
    context: Context
    system: str = "grpc"

    def status_after(self, error: BaseException | None) -> grpc.StatusCode:
        """How the call ended, if its handler ended with `error` or, None, without one."""
        if isinstance(error, GeneratorExit):  # the reader of a stream left
            return grpc.StatusCode.CANCELLED
        if isinstance(error, asyncio.CancelledError):
            left = self.context.time_remaining()
            over = left is not None and left <= 0
            return grpc.StatusCode.DEADLINE_EXCEEDED if over else grpc.StatusCode.CANCELLED
        # Set by the handler, or by `abort` before it raised; gRPC keeps the number.
        said: Any = self.context.code()
        code = next((code for code in grpc.StatusCode if said in (code, code.value[0])), grpc.StatusCode.OK)
        return grpc.StatusCode.UNKNOWN if error is not None and code is grpc.StatusCode.OK else code


Surround = Callable[[Call], AbstractAsyncContextManager[object]]


class Around(grpc.aio.ServerInterceptor):
    """Answers calls of known methods within `surround(call)`.

    The context manager is entered and left in the task that answers the call: it may set context variables, end the
    call by `call.context.abort`, and sees what the call raised.
    """

    def __init__(self, surround: Surround) -> None:
        """Answer within `surround`."""
        self._surround = surround

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """The handler, surrounded; unknown methods are left to gRPC."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        details: Any = handler_call_details
        _, service, method = details.method.split("/", 2)
        metadata = dict(details.invocation_metadata or ())
        kind = _KINDS[handler.request_streaming, handler.response_streaming]
        return _surrounded(handler, lambda context: self._surround(Call(service, method, kind, metadata, context)))


_KINDS = {
    (False, False): "unary",
    (True, False): "client_stream",
    (False, True): "server_stream",
    (True, True): "bidi_stream",
}


def _surrounded(
    handler: Any, surround: Callable[[Context], AbstractAsyncContextManager[object]]
) -> grpc.RpcMethodHandler[Any, Any]:
    behaviour = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
    decode = handler.request_deserializer

    async def read(request: Any, context: Context) -> Any:
        """What was sent, read in here: gRPC would do it before anybody was asked who calls, and blame itself."""
        if decode is None:
            return request
        if handler.request_streaming:
            return (decode(data) async for data in request)
        try:
            return decode(request)
        except DecodeError:
            error = InputError("request", "the request cannot be parsed: it is not a message of this call")
            await status.abort(context, error)

    async def answer(request: Any, context: Context) -> Any:
        async with surround(context):
            return await behaviour(await read(request, context), context)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        async with surround(context):
            answers = behaviour(await read(request, context), context)
            if not hasattr(answers, "__aiter__"):  # a handler that calls context.write
                await answers
                return
            async with contextlib.aclosing(answers):
                async for response in answers:
                    yield response

    make = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }[handler.request_streaming, handler.response_streaming]
    return make(
        stream if handler.response_streaming else answer,
        response_serializer=handler.response_serializer,
    )
