"""Generic access to messages by field: validation against the rules in the contract (`buf.validate` in protos/),
conversion of options as their types declare them (no option is named here), and times.
"""

import functools
import math
from dataclasses import is_dataclass, replace
from enum import Enum
from typing import Any, TypeVar

import protovalidate
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from prover.errors import InputError
from prover.option import D, Dataclass, declared

_MOST_VIOLATIONS = 16
_LONGEST_SHOWN = 80  # characters of a value in an error
_WHOLE = "a whole number"
_KINDS = {
    FieldDescriptor.CPPTYPE_STRING: "a string",
    FieldDescriptor.CPPTYPE_BOOL: "true or false",
    FieldDescriptor.CPPTYPE_DOUBLE: "a number",
    **dict.fromkeys(
        (
            FieldDescriptor.CPPTYPE_INT32,
            FieldDescriptor.CPPTYPE_INT64,
            FieldDescriptor.CPPTYPE_UINT32,
            FieldDescriptor.CPPTYPE_UINT64,
        ),
        _WHOLE,
    ),
}


def validate(request: Message) -> None:
    """Raise InputError that names each invalid field, if there is any."""
    violations = [
        (_path(violation), _text(request, violation))
        for violation in protovalidate.collect_violations(request)[:_MOST_VIOLATIONS]
    ]
    if violations:
        field, text = violations[0]
        raise InputError(field, f"{field}: {text}", tuple(violations))


def _text(request: Message, violation: protovalidate.Violation) -> str:
    """Return what is wrong with a field, or which fields to choose from where one of several is missing."""
    holder, elements = request.DESCRIPTOR, violation.proto.field.elements if violation.proto.field else ()
    for element in elements:
        if (choice := holder.oneofs_by_name.get(element.field_name)) is not None:
            return "give " + " or ".join(f"`{field.name}`" for field in choice.fields)
        if (inner := holder.fields_by_name.get(element.field_name)) is None or inner.message_type is None:
            break
        holder = inner.message_type
    return violation.proto.message or f"breaks the rule {violation.proto.rule_id}"


def _path(violation: protovalidate.Violation) -> str:
    """Return the path of a field, such as `options.budget.samples` or `items[3].id`."""
    steps = []
    for element in violation.proto.field.elements if violation.proto.field else ():
        index = element.subscript
        steps.append(element.field_name + (f"[{index.value}]" if index is not None else ""))
    return ".".join(steps) or "request"


M = TypeVar("M", bound=Message)


def write(options: Dataclass, message: M) -> M:
    """Write options to a message. A group without a field of its own is spread over the message's fields; other options
    without a field are omitted.

    Raises:
        InputError: an enum has no value of that name, or as `put` and `finite`.
    """
    for name, field in _carried(type(options), message.DESCRIPTOR):
        value = getattr(options, name)
        part: bool = is_dataclass(value)  # a group of options
        if value is None or value == "":
            continue
        if field is None:
            if part:
                write(value, message)
        elif field.enum_type is not None:
            setattr(message, field.name, choice_to_proto(field.enum_type, name, value))
        elif field.message_type is None:
            put(message, field.name, value)
        elif part:
            write(value, getattr(message, field.name)).SetInParent()
        else:
            getattr(message, field.name).CopyFrom(duration(value, name))
    return message


def put(message: Message, field: str, value: Any, place: str = "") -> None:
    """Set a scalar field; in errors, `place` is put before its name.

    Raises:
        InputError: the value is of another type, out of the range of the type, or a text without UTF-8.
    """
    try:
        setattr(message, field, value)
    except UnicodeEncodeError as error:
        text = f"the {field} holds a lone surrogate at character {error.start}: send UTF-8"
        raise InputError(place + field, text) from None
    except (TypeError, ValueError):
        kind = _KINDS[message.DESCRIPTOR.fields_by_name[field].cpp_type]
        if kind == _WHOLE and type(value) is int:
            kind = "within the range of its type"
        raise InputError(place + field, f"the {field} must be {kind}, not {_shown(value)}") from None


def read(message: Message, default: D) -> D:
    """Read options from a message; unset and missing fields are taken from `default`."""
    said: dict[str, Any] = {}
    for name, field in _carried(type(default), message.DESCRIPTOR):
        value = getattr(default, name)
        part: bool = is_dataclass(value)
        if field is None:
            if part:
                said[name] = read(message, value)
            continue
        given = getattr(message, field.name)
        if part:
            said[name] = read(given, value)
        elif field.enum_type is not None:
            said[name] = choice_from_proto(field.enum_type, given, value)
        elif message.HasField(field.name) if field.has_presence else given:
            said[name] = given if field.message_type is None else seconds(given)
    return replace(default, **said)


@functools.cache
def _carried(kind: type[Dataclass], message: Descriptor) -> list[tuple[str, Any]]:
    """Return the fields of a type of options that a message may carry, each with the message's own field, if it has one."""
    known = message.fields_by_name
    return [(name, known.get(said.proto or name)) for name, said in declared(kind) if not said.local]


def choice_to_proto(kind: Any, name: str, value: Any) -> Any:
    """Return the number of a value in a proto enum, given by its descriptor, for an enum value or its name.

    Raises:
        InputError: `name` has no value of that name.
    """
    prefix, known = _names(kind)
    spelled = value.name if isinstance(value, Enum) else value.upper()
    if spelled not in known:
        choices = ", ".join(one.lower() for one in known)
        raise InputError(name, f"there is no {name} {value!r}; there is {choices}")
    return kind.values_by_name[prefix + spelled].number


def choice_from_proto(kind: Any, number: int, default: Any) -> Any:
    """Return the enum value or name for a number in a proto enum; the default if it is unset or unknown to this
    version.
    """
    prefix, known = _names(kind)
    value = kind.values_by_number.get(number)
    spelled = value.name.removeprefix(prefix) if value is not None else ""
    if spelled not in known:
        return default
    return type(default)[spelled] if isinstance(default, Enum) else spelled.lower()


@functools.cache
def _names(kind: Any) -> tuple[str, list[str]]:
    """Return the common prefix of a proto enum's names, and the rest of each name except the unspecified one."""
    first, *others = (value.name for value in kind.values)
    prefix = first.removesuffix("UNSPECIFIED")
    return prefix, [name.removeprefix(prefix) for name in others]


def finite(seconds: float, field: str = "seconds") -> float:
    """Return a number of seconds.

    Raises:
        InputError: it is not a finite number; it names the field.
    """
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        raise InputError(field, f"the {field} must be a finite number, not {_shown(seconds)}")
    return seconds


def duration(seconds: float, field: str = "seconds") -> Duration:
    """Convert seconds to a proto duration. Raises as `finite`."""
    made = Duration()
    made.FromNanoseconds(_nanoseconds(finite(seconds, field)))
    return made


def timestamp(seconds: float) -> Timestamp:
    """Convert seconds since the epoch to a proto timestamp."""
    made = Timestamp()
    made.FromNanoseconds(_nanoseconds(seconds))
    return made


def seconds(value: Duration | Timestamp) -> float:
    """Convert a proto duration, or a proto timestamp since the epoch, to seconds."""
    return (value.seconds * 10**9 + value.nanos) / 10**9  # computed in integers, so that it is rounded once


def _nanoseconds(seconds: float) -> int:
    whole = int(seconds)  # separated, because a float keeps nanoseconds only up to about a hundred days
    return whole * 10**9 + round((seconds - whole) * 1e9)


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
