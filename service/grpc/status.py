"""Errors across gRPC: the status with its details travels in trailing metadata."""

from collections.abc import Iterable
from typing import NoReturn

import grpc
from google.rpc import status_pb2

from prover.errors import UserError
from service.contract.status import code_of, error_of, to_status

_DETAILS_KEY = "grpc-status-details-bin"


async def abort(context: grpc.aio.ServicerContext, error: UserError | None = None) -> NoReturn:  # type: ignore[type-arg]
    """End the call with the status of this error; None: of one that is the server's own."""
    status = to_status(error)
    await context.abort(code_of(error), status.message, ((_DETAILS_KEY, status.SerializeToString()),))


def to_error(error: grpc.aio.AioRpcError, address: str) -> UserError:
    """The error that a server at `address` meant."""
    # Without one, gRPC itself or something on the way says so.
    status = status_of(error.trailing_metadata() or ()) or status_pb2.Status(
        code=error.code().value[0], message=error.details() or error.code().name
    )
    return error_of(status, address)


def status_of(metadata: Iterable[tuple[str, str | bytes]]) -> status_pb2.Status | None:
    """The status with details that `abort` put into trailing metadata, None if there is none."""
    status = status_pb2.Status()
    for key, value in metadata:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            status.ParseFromString(value)
    return status if status.details else None
