"""Errors over gRPC: the status with its details is sent in trailing metadata."""

from collections.abc import Iterable
from typing import NoReturn

import grpc
from google.rpc import status_pb2

from prover.errors import UserError
from service.contract.status import code_of, error_of, to_status

_DETAILS_KEY = "grpc-status-details-bin"


async def abort(context: grpc.aio.ServicerContext, error: UserError | None = None) -> NoReturn:  # type: ignore[type-arg]
    """End the call with the status of this error; None: an internal error."""
    status = to_status(error)
    await context.abort(code_of(error), status.message, ((_DETAILS_KEY, status.SerializeToString()),))


def to_error(error: grpc.aio.AioRpcError, address: str) -> UserError:
    """Return the error for a status from the server at `address`."""
    # Without details, the error is from gRPC itself or an intermediary.
    status = status_of(error.trailing_metadata() or ()) or status_pb2.Status(
        code=error.code().value[0], message=error.details() or error.code().name
    )
    return error_of(status, address)


def status_of(metadata: Iterable[tuple[str, str | bytes]]) -> status_pb2.Status | None:
    """Return the status with details that `abort` put into trailing metadata; None if there is none."""
    status = status_pb2.Status()
    for key, value in metadata:
        if key == _DETAILS_KEY and isinstance(value, bytes):
            status.ParseFromString(value)
    return status if status.details else None
