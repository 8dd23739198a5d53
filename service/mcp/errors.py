"""What agents are told of an error besides its sentence."""

from google.rpc import error_details_pb2

from prover.errors import InputError, UserError
from prover.requests import BusyError
from service.contract import status


def reason(error: UserError) -> str:
    """The reason that gRPC gives for this error, too."""
    told = error_details_pb2.ErrorInfo()
    for detail in status.to_status(error).details:
        if detail.Unpack(told):
            break
    return str(told.reason)


def hint(error: UserError) -> str:
    """What to change before the next call; empty if that is not known."""
    if isinstance(error, BusyError):
        return f"send the same call again in {error.seconds:g} s"
    return f"change {error.field}" if isinstance(error, InputError) else ""
