"""The client's connection: a channel to a server, with encryption and token as in the settings."""

from collections.abc import Callable, Sequence
from typing import Any

import grpc

from prover.errors import UserError
from service.auth.tls import channel_credentials
from service.client.address import is_local
from service.ops.config import ConnectionSettings


def open_channel(address: str, settings: ConnectionSettings, message_bytes: int) -> grpc.aio.Channel:
    """Return a channel to the server at `address`; nothing is sent.

    Raises:
        UserError: a file of certificates or the token cannot be read, or the token would travel unencrypted.
    """
    options = [("grpc.max_receive_message_length", message_bytes), ("grpc.max_send_message_length", message_bytes)]
    token = _token(settings)
    interceptors = [] if token is None else _bearing(token)
    if settings.tls or settings.ca or settings.certificate or settings.key:
        credentials = channel_credentials(settings.ca, settings.certificate, settings.key)
        return grpc.aio.secure_channel(address, credentials, options=options, interceptors=interceptors)
    if token is not None and not _stays_here(address):
        raise UserError(f"the token would travel to {address} unencrypted: name the server's authority with --ca")
    return grpc.aio.insecure_channel(address, options=options, interceptors=interceptors)


def _stays_here(address: str) -> bool:
    try:
        return is_local(address)
    except UserError:  # gRPC supports further kinds of addresses, such as `dns:///host:port`
        return False


def _token(settings: ConnectionSettings) -> str | None:
    file = settings.token_file
    if settings.token is not None:
        text = settings.token.get_secret_value().strip()
    elif file is not None:
        try:
            text = file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not a token"
            raise UserError(f"cannot read the token file {file}: {reason}") from None
    else:
        return None
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise UserError("the token is empty or holds more than one word: expected what `leansieve token new` printed")
    return text


def _bearing(token: str) -> Sequence[grpc.aio.ClientInterceptor]:
    """Return interceptors that send the token with each call; gRPC needs one per kind of call."""

    async def unary(continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        return await continuation(with_token(details), request)

    def with_token(details: Any) -> Any:
        metadata = grpc.aio.Metadata(*(details.metadata or ()), ("authorization", f"Bearer {token}"))
        return details._replace(metadata=metadata)

    class UnaryUnary(grpc.aio.UnaryUnaryClientInterceptor):
        async def intercept_unary_unary(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
            return await unary(continuation, client_call_details, request)

    class UnaryStream(grpc.aio.UnaryStreamClientInterceptor):
        async def intercept_unary_stream(self, continuation: Any, client_call_details: Any, request: Any) -> Any:
            return await unary(continuation, client_call_details, request)

    class StreamUnary(grpc.aio.StreamUnaryClientInterceptor):
        async def intercept_stream_unary(
            self, continuation: Any, client_call_details: Any, request_iterator: Any
        ) -> Any:
            return await unary(continuation, client_call_details, request_iterator)

    class StreamStream(grpc.aio.StreamStreamClientInterceptor):
        async def intercept_stream_stream(
            self, continuation: Any, client_call_details: Any, request_iterator: Any
        ) -> Any:
            return await unary(continuation, client_call_details, request_iterator)

    return [UnaryUnary(), UnaryStream(), StreamUnary(), StreamStream()]
