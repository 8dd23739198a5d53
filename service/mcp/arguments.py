"""Errors in the arguments of a call, as one sentence."""

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from prover.errors import InputError
from service.core.limits.text import printable
from service.mcp.files import shown

_NOTES = (", unable to", ", got ", " or instance of")  # additions of pydantic to a sufficient sentence


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
    rule = rule.replace(" after validation", "").replace("dictionary", "object")
    is_long = one["type"] in ("too_long", "too_short")
    return field, f"{field} of {tool} must {rule}" + ("" if is_long else f", not {shown(one['input'])}")
