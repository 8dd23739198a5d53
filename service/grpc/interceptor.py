"""gRPC's way into the handlers: makes the `Call`, answers within what surrounds every call, reports errors as status."""

from __future__ import annotations  # gRPC's handlers are generic for the type checker alone

import contextlib
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.message import DecodeError

from prover.errors import InputError, UserError
from service.grpc import status
from service.handlers.call import REQUEST_ID, Call, Surround, surrounded

Context = grpc.aio.ServicerContext[Any, Any]

CALL: ContextVar[Call] = ContextVar("call")
"""The call that this task answers."""


class Around(grpc.aio.ServerInterceptor):
    """Answers calls of known methods within `surrounds`, the outermost first; health and reflection among them."""

    def __init__(self, surrounds: Sequence[Surround]) -> None:
        """Answer within `surrounds`."""
        self._surrounds = surrounds

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

        def call_of(context: Context) -> Call:
            return Call(
                service=service,
                method=method,
                kind=kind,
                metadata=metadata,
                peer=_host(context.peer()),
                common_name=_common_name(context),
                deadline=_deadline(context),
            )

        return _surrounded(handler, self._surrounds, call_of)


_KINDS = {
    (False, False): "unary",
    (True, False): "client_stream",
    (False, True): "server_stream",
    (True, True): "bidi_stream",
}


def _surrounded(
    handler: Any, surrounds: Sequence[Surround], call_of: Callable[[Context], Call]
) -> grpc.RpcMethodHandler[Any, Any]:
    behaviour = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
    decode = handler.request_deserializer

    def read(request: Any) -> Any:
        """What was sent, read in here: gRPC would do it before the caller was authenticated, and report an internal error."""
        if decode is None:
            return request
        if handler.request_streaming:
            return (decode(data) async for data in request)
        try:
            return decode(request)
        except DecodeError:
            raise InputError("request", "the request cannot be parsed: it is not a message of this call") from None

    @contextlib.asynccontextmanager
    async def within(context: Context) -> AsyncIterator[None]:
        call = call_of(context)
        CALL.set(call)
        try:
            async with surrounded(call, surrounds):
                await context.send_initial_metadata(((REQUEST_ID, call.log_id),))
                try:
                    yield
                except grpc.aio.AbortError:  # of a handler that is not ours
                    call.code = _code(context)
                    raise
        except UserError as error:
            await status.abort(context, error)
        except (grpc.aio.AbortError, grpc.aio.UsageError):
            raise
        except Exception:
            await status.abort(context)

    async def answer(request: Any, context: Context) -> Any:
        async with within(context):
            return await behaviour(read(request), context)

    async def stream(request: Any, context: Context) -> AsyncIterator[Any]:
        async with within(context):
            answers = behaviour(read(request), context)
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


def _host(peer: str) -> str:
    """As `Call.peer`, of `ipv4:127.0.0.1:4711`, `ipv6:%5B::1%5D:4711` or `unix:`."""
    kind, _, address = unquote(peer).partition(":")
    return address.rpartition(":")[0] if kind in ("ipv4", "ipv6") else kind


def _common_name(context: Context) -> str | None:
    names = context.auth_context().get("x509_common_name", ())
    return next((name.decode(errors="replace") for name in names), None)


def _deadline(context: Context) -> float:
    left = context.time_remaining()
    return math.inf if left is None else time.monotonic() + left


def _code(context: Context) -> grpc.StatusCode:
    said: Any = context.code()  # gRPC keeps the number
    return next((code for code in grpc.StatusCode if said in (code, code.value[0])), grpc.StatusCode.UNKNOWN)
