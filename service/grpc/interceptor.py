"""gRPC's path to the handlers: registers them, creates the `Call`, answers it inside all middleware, reports errors as
status.
"""

from __future__ import annotations  # gRPC's handlers are generic only for the type checker

import contextlib
import functools
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from prover.errors import InputError, UserError
from service.contract.methods import SERVICES
from service.grpc import status
from service.handlers.calls import REQUEST_ID, Call, Surround, Unread, surrounded
from service.handlers.handlers import Handler, Handlers

Context = grpc.aio.ServicerContext[Any, Any]

CALL: ContextVar[Call] = ContextVar("call")
"""The call of the current task."""


class Around(grpc.aio.ServerInterceptor):
    """Interceptor that answers calls of known methods inside `surrounds`, the outermost first; includes health and
    reflection.
    """

    def __init__(self, surrounds: Sequence[Surround]) -> None:
        """Answer calls inside `surrounds`."""
        self._surrounds = surrounds

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        """Return the wrapped handler; unknown methods are left to gRPC."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return handler
        details: Any = handler_call_details
        _, service, method = details.method.split("/", 2)
        metadata = dict(details.invocation_metadata or ())
        kind, _ = _KINDS[handler.request_streaming, handler.response_streaming]

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

        return _surrounded(handler, self._surrounds, call_of, ours=service in SERVICES)


_KINDS = {
    (False, False): ("unary", grpc.unary_unary_rpc_method_handler),
    (True, False): ("client_stream", grpc.stream_unary_rpc_method_handler),
    (False, True): ("server_stream", grpc.unary_stream_rpc_method_handler),
    (True, True): ("bidi_stream", grpc.stream_stream_rpc_method_handler),
}
"""Kind and gRPC handler factory of a method, by whether requests and responses are streams."""


def _surrounded(
    handler: Any, surrounds: Sequence[Surround], call_of: Callable[[Context], Call], ours: bool
) -> grpc.RpcMethodHandler[Any, Any]:
    behaviour = handler.stream_stream or handler.stream_unary or handler.unary_stream or handler.unary_unary
    decode = handler.request_deserializer

    def read(request: Any) -> Any:
        """Parse the request here: gRPC would do so before authentication, and report failures as internal errors."""
        if decode is None:
            return request
        if handler.request_streaming:
            return _decoded(decode, request) if ours else (decode(data) async for data in request)
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
                except grpc.aio.AbortError:  # from a foreign handler
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

    _, make = _KINDS[handler.request_streaming, handler.response_streaming]
    return make(
        stream if handler.response_streaming else answer,
        response_serializer=handler.response_serializer,
    )


async def _decoded(decode: Callable[[bytes], Any], request: AsyncIterator[bytes]) -> AsyncIterator[Any]:
    """Yield the messages of a stream; an invalid one does not end it."""
    number = 0
    async for data in request:
        number += 1
        try:
            message = decode(data)
        except DecodeError:
            text = f"message {number} of the stream cannot be parsed: it is not a message of this call"
            message = Unread(f"message:{number}", InputError("request", text))
        yield message


def _host(peer: str) -> str:
    """Return `Call.peer` for `ipv4:127.0.0.1:4711`, `ipv6:%5B::1%5D:4711` or `unix:`."""
    kind, _, address = unquote(peer).partition(":")
    return address.rpartition(":")[0] if kind in ("ipv4", "ipv6") else kind


def _common_name(context: Context) -> str | None:
    names = context.auth_context().get("x509_common_name", ())
    return next((name.decode(errors="replace") for name in names), None)


def _deadline(context: Context) -> float:
    remaining = context.time_remaining()
    return math.inf if remaining is None else time.monotonic() + remaining


def _code(context: Context) -> grpc.StatusCode:
    number: Any = context.code()  # gRPC stores the number
    return next((code for code in grpc.StatusCode if number in (code, code.value[0])), grpc.StatusCode.UNKNOWN)


def register(handlers: Handlers, server: grpc.aio.Server) -> None:
    """Let `handlers` answer every call of the contract on `server`."""
    services = [
        grpc.method_handlers_generic_handler(
            name, {method.name: _method(method, handlers.of(method.name)) for method in service.methods}
        )
        for name, service in SERVICES.items()
    ]
    server.add_generic_rpc_handlers(tuple(services))


def _method(method: MethodDescriptor, handler: Handler) -> Any:
    answer = _stream if method.server_streaming else _whole
    _, make = _KINDS[method.client_streaming, method.server_streaming]
    return make(
        functools.partial(answer, handler),
        request_deserializer=GetMessageClass(method.input_type).FromString,
        response_serializer=GetMessageClass(method.output_type).SerializeToString,
    )


async def _whole(handler: Handler, request: Any, _context: object) -> Message:
    response: Message = await handler(request, CALL.get())
    return response


def _stream(handler: Handler, request: Any, _context: object) -> AsyncIterator[Message]:
    responses: AsyncIterator[Message] = handler(request, CALL.get())
    return responses
