"""Errors for agents: a sentence about invalid arguments, and details in addition to a sentence."""

from collections.abc import Collection, Mapping
from typing import Any

from google.rpc import error_details_pb2
from pydantic import ValidationError

from prover.errors import InputError, UserError
from prover.requests import BusyError, LateError
from service.contract import status
from service.core.limits.text import printable
from service.mcp.files import shown

_NOTES = (", unable to", ", got ", " or instance of")  # additions of pydantic to a sufficient sentence
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


def unknown(tool: str, arguments: Mapping[str, Any], known: Collection[str]) -> InputError | None:
    """Return the error for the first unknown argument; None if all are known."""
    names = [printable(name[:80]) for name in arguments if name not in known]
    if not names:
        return None
    return InputError(names[0], f"{tool} has no argument {names[0]}; it has {', '.join(known)}")


def refusal(
    tool: str, error: ValidationError, known: Collection[str], within: tuple[str | int, ...] = ()
) -> InputError:
    """Return the error for invalid arguments, or for a part of them at the place `within`; the sentence is about the first one."""
    errors = [{**one, "loc": (*within, *one["loc"])} for one in error.errors(include_url=False)[:16]]
    found = tuple(_violation(tool, one, known) for one in errors)
    return InputError(found[0][0], found[0][1], found)


def _violation(tool: str, one: dict[str, Any], known: Collection[str]) -> tuple[str, str]:
    field = printable(".".join(str(part)[:80] for part in one["loc"]))
    match one["type"]:
        case "missing" if len(one["loc"]) == 1:
            return field, f"{tool} needs the argument {field}; it has {', '.join(known)}"
        case "missing":
            return field, f"{field} is missing in the arguments of {tool}"
        case "extra_forbidden":
            return field, f"{tool} does not know {field} in its arguments"
    subject, should, rule = str(one["msg"]).partition(" should ")
    if not should:
        return field, f"{field} of {tool} is not taken: {subject[:1].lower()}{subject[1:]}"
    for note in _NOTES:
        rule = rule.partition(note)[0]
    rule = rule.replace(" after validation", "").replace("dictionary", "object").replace("tuple", "list")
    is_long = one["type"] in ("too_long", "too_short")
    return field, f"{field} of {tool} must {rule}" + ("" if is_long else f", not {shown(one['input'])}")


def reason(error: UserError) -> str:
    """Return the reason code of an error, the same as over gRPC."""
    info = error_details_pb2.ErrorInfo()
    for detail in status.to_status(error).details:
        if detail.Unpack(info):
            break
    return str(info.reason)


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
