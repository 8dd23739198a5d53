"""Details of an error for agents, in addition to its sentence."""

from google.rpc import error_details_pb2

from prover.errors import InputError, UserError
from prover.requests import BusyError, LateError
from service.contract import status

_MOST_FIELDS = 4
_ARGUMENTS = {  # names of the contract's fields for agents
    "goal.goal": "goal",
    "options.budget.proofs": "proofs",
    "options.budget.timeout": "seconds",
    "place": "line",
    "position.position": "line",
    "position.text": "file_path",
    "timeout": "seconds",
}


def reason(error: UserError) -> str:
    """Return the reason code of an error, the same as over gRPC."""
    told = error_details_pb2.ErrorInfo()
    for detail in status.to_status(error).details:
        if detail.Unpack(told):
            break
    return str(told.reason)


def hint(error: UserError) -> str:
    """Return advice for the next call; empty if there is none."""
    if isinstance(error, LateError):
        return "give it more seconds, or ask for less"
    if isinstance(error, BusyError):
        return f"send the same call again in {error.seconds:g} s"
    if isinstance(error, InputError):
        fields = list(dict.fromkeys(_argument(field) for field, _ in error.violations))
        return f"change {', '.join(fields[:_MOST_FIELDS])}"
    return ""


def _argument(field: str) -> str:
    return _ARGUMENTS.get(field, field.removeprefix("theorem."))
