"""Declarations of options: names and help texts for each front end, and the purposes that an option counts for. All
front ends read them from the metadata of dataclass fields.
"""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass, replace
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar

MOST_COUNTED = 2**31 - 1
"""Largest count that a request may ask for: the maximum of an int32 in the contract."""
MOST_SECONDS = 1e9
"""Longest duration that a request may ask for, in seconds."""


class Dataclass(Protocol):
    """An instance of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


D = TypeVar("D", bound=Dataclass)


@dataclass(frozen=True, slots=True)
class Option:
    """The declaration of one field of an options type.

    Attributes:
        help: help text of the command line; empty: there is no flag.
        flag: the flag, without its dashes; empty: the field's name.
        metavar: placeholder of the value in the help.
        low: least value that the flag takes.
        high: largest value that the flag takes.
        names: allowed values of a text option.
        switches: flags without a value, each with the value it stands for and its help; the last one given counts.
        proto: name in the messages of the contract; empty: the field's name.
        local: whether the option is never sent in a message, even if a message has a field of that name.
        effort: whether the option is part of the effort: a failure with one value says nothing about another value.
        resumed: whether a resumed run must use the same value.
    """

    help: str = ""
    flag: str = ""
    metavar: str = ""
    low: float | None = None
    high: float | None = None
    names: tuple[str, ...] = ()
    switches: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    proto: str = ""
    local: bool = False
    effort: bool = False
    resumed: bool = True


def option(help: str = "", **said: Any) -> dict[str, Option]:  # the dataclass field is called `metadata`
    """Return the metadata of a field of options."""
    return {"option": Option(help, **said)}


Path = tuple[str, ...]


def declared(kind: type[Dataclass]) -> Iterator[tuple[str, Option]]:
    """Yield the name and declaration of each field of a type of options."""
    for one in fields(kind):
        yield one.name, one.metadata.get("option", Option())


def members(options: Dataclass) -> Iterator[tuple[str, Option, Any]]:
    """Yield the name, declaration and value of each field."""
    for name, declaration in declared(type(options)):
        yield name, declaration, getattr(options, name)


def leaves(options: Dataclass, at: Path = ()) -> Iterator[tuple[Path, Option, Any]]:
    """Yield each option with its path, declaration and value; groups are expanded in place."""
    for name, declaration, value in members(options):
        part: bool = is_dataclass(value)  # a group of options
        if part:
            yield from leaves(value, (*at, name))
        else:
            yield (*at, name), declaration, value


def changed(options: D, path: Path, value: Any) -> D:
    """Return a copy of the options with another value at `path`."""
    name, *rest = path
    inner = changed(getattr(options, name), tuple(rest), value) if rest else value
    return replace(options, **{name: inner})


def plain(value: Any) -> Any:
    """Return a value in a form that JSON takes: enums become their values."""
    return value.value if isinstance(value, Enum) else value
