"""How an option is declared: what the fronts call it, and what it counts for. Every front reads it from the field's metadata."""

from collections.abc import Iterator, Mapping
from dataclasses import Field, dataclass, field, fields, is_dataclass, replace
from enum import Enum
from typing import Any, ClassVar, Protocol, TypeVar

MOST_COUNTED = 2**31 - 1
"""Most of anything that may be asked for in numbers: what an int32 of the contract holds."""
MOST_SECONDS = 1e9
"""Longest time that may be asked for."""


class Dataclass(Protocol):
    """An instance of any dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]


D = TypeVar("D", bound=Dataclass)


@dataclass(frozen=True, slots=True)
class Option:
    """What the type of options says of one of its fields.

    Attributes:
        help: what the command line says of it; empty: there is no flag.
        flag: the flag, without its dashes; empty: the field's name.
        metavar: stands for the value in the help.
        low: least value that the flag takes.
        high: largest value that the flag takes.
        names: the only texts that there are.
        switches: flags without a value, each with the value and the help that it stands for; of several that are given
            the last of these counts.
        proto: name in the messages of the contract; empty: the field's name.
        local: whether no message carries it, even one with a field of that name.
        effort: whether a failed search says nothing about a search with another value.
        resumed: whether a run that is resumed has to ask for the same.
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


def option(help: str = "", **said: Any) -> dict[str, Option]:  # it is called what it is
    """The metadata of a field of options."""
    return {"option": Option(help, **said)}


Path = tuple[str, ...]


def members(options: Dataclass) -> Iterator[tuple[str, Option, Any]]:
    """Each field by its name, with its declaration and its value."""
    for one in fields(options):
        yield one.name, one.metadata.get("option", Option()), getattr(options, one.name)


def is_part(value: Any) -> bool:
    """Whether the value of a field is a group of options."""
    return is_dataclass(value)


def leaves(options: Dataclass, at: Path = ()) -> Iterator[tuple[Path, Option, Any]]:
    """Each option with its path, its declaration and its value, those of the parts in their places."""
    for name, declared, value in members(options):
        if is_part(value):
            yield from leaves(value, (*at, name))
        else:
            yield (*at, name), declared, value


def changed(options: D, path: Path, value: Any) -> D:
    """The same options with another value at `path`."""
    name, *rest = path
    inner = changed(getattr(options, name), tuple(rest), value) if rest else value
    return replace(options, **{name: inner})


def plain(value: Any) -> Any:
    """A value as JSON has it: that of a choice."""
    return value.value if isinstance(value, Enum) else value
