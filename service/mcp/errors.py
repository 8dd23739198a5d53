"""Details of an error for agents, in addition to its sentence."""

from google.rpc import error_details_pb2

from prover.errors import InputError, UserError
from prover.requests import BusyError
from service.contract import status


def reason(error: UserError) -> str:
    """Return the reason code of an error, the same as over gRPC."""
    told = error_details_pb2.ErrorInfo()
    for detail in status.to_status(error).details:
        if detail.Unpack(told):
            break
    return str(told.reason)


def hint(error: UserError) -> str:
    """Return advice for the next call; empty if there is none."""
    if isinstance(error, BusyError):
        return f"send the same call again in {error.seconds:g} s"
    return f"change {error.field}" if isinstance(error, InputError) else ""
