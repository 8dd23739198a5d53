"""The services of the contract, registered with a gRPC server."""

import functools
from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from service.contract.methods import SERVICES
from service.grpc.interceptor import CALL
from service.handlers.handlers import Handler, Handlers

_KINDS = {
    (False, False): grpc.unary_unary_rpc_method_handler,
    (True, False): grpc.stream_unary_rpc_method_handler,
    (False, True): grpc.unary_stream_rpc_method_handler,
    (True, True): grpc.stream_stream_rpc_method_handler,
}


def register(handlers: Handlers, server: grpc.aio.Server) -> None:
    """Have `handlers` answer every call of the contract that comes to `server`."""
    services = [
        grpc.method_handlers_generic_handler(
            name, {method.name: _method(method, handlers.of(method.name)) for method in service.methods}
        )
        for name, service in SERVICES.items()
    ]
    server.add_generic_rpc_handlers(tuple(services))


def _method(method: MethodDescriptor, handler: Handler) -> Any:
    answer = _stream if method.server_streaming else _whole
    return _KINDS[method.client_streaming, method.server_streaming](
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
