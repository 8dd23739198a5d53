"""Command parameters that are groups of flags: a dataclass of flags, or `Given` options with a flag for each declared
option.
"""

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from inspect import Parameter
from typing import Annotated, Any, Generic, get_args, get_origin, get_type_hints

import typer

from prover.errors import UserError
from prover.option import D, Dataclass, Option, Path, changed, leaves


class Without:
    """Excludes options of a group, as in `Annotated[Given[SearchOptions], Without("repeat")]`."""

    def __init__(self, *names: str) -> None:
        """Exclude fields, or groups with all their fields."""
        self._names = frozenset(names)

    def offers(self, path: Path) -> bool:
        """Whether the flag at `path` exists."""
        return self._names.isdisjoint(path)


class Only(Without):
    """Restricts a group to some options."""

    def offers(self, path: Path) -> bool:
        """Whether the flag at `path` exists."""
        return not self._names.isdisjoint(path)


class Given(Generic[D]):
    """Options given on the command line, which override defaults."""

    def __init__(self, values: Mapping[Path, Any]) -> None:
        """Store the given options."""
        self._values = values

    def over(self, default: D) -> D:
        """Return `default` with the given options applied."""
        for path, value in self._values.items():
            default = changed(default, path, value)
        return default


@dataclass(frozen=True, slots=True)
class _Flag:
    """A flag of a group: its declaration for typer, the field that it sets, and for a switch its value."""

    parameter: Parameter
    member: str | Path
    stands_for: Any = None


@dataclass(frozen=True, slots=True)
class _Group:
    """A parameter that is a group of flags."""

    name: str
    kind: Any
    flags: list[_Flag]

    def taken_from(self, values: dict[str, Any]) -> Any:
        """Build the group from the parsed values and remove these."""
        given: dict[Any, Any] = {}
        for flag in self.flags:
            value = values.pop(flag.parameter.name)
            if flag.stands_for is not None:
                value = flag.stands_for if value else None
            if value is not None:
                given[flag.member] = value
        return Given(given) if self.kind is Given else self.kind(**given)


def with_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with a flag for each option of a group, as typer reads it; the function itself receives
    groups.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[Parameter] = []
    groups: list[_Group] = []
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        kind, offered = _kind_of(hint)
        if get_origin(kind) is Given:
            groups.append(_Group(parameter.name, Given, list(_of_options(get_args(kind)[0](), offered))))
        elif is_dataclass(kind):
            groups.append(_Group(parameter.name, kind, list(_of_dataclass(kind, offered))))
        else:
            parameters.append(_parameter(parameter.name, hint, parameter.default))
            continue
        parameters.extend(flag.parameter for flag in groups[-1].flags)

    @functools.wraps(command)
    def spread(**values: Any) -> None:
        gathered = {group.name: group.taken_from(values) for group in groups}
        command(**values, **gathered)

    spread.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    spread.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return spread


def _kind_of(hint: Any) -> tuple[Any, Without]:
    if get_origin(hint) is not Annotated:
        return hint, Without()
    kind, *remarks = get_args(hint)
    return kind, next((remark for remark in remarks if isinstance(remark, Without)), Without())


def _of_dataclass(kind: Any, offered: Without) -> Iterator[_Flag]:
    hints = get_type_hints(kind, include_extras=True)
    for one in fields(kind):
        if offered.offers((one.name,)):
            yield _Flag(_parameter(one.name, hints[one.name], one.default), one.name)


def _of_options(options: Dataclass, offered: Without) -> Iterator[_Flag]:
    for path, declared, _ in leaves(options):
        if not offered.offers(path):
            continue
        name = "_".join(path)
        for switch, (stands_for, text) in declared.switches.items():
            hint: Any = Annotated[bool, typer.Option(f"--{switch}", help=text)]
            yield _Flag(_parameter(f"{name}_{switch.replace('-', '_')}", hint, False), path, stands_for)
        if declared.help:
            kind = get_type_hints(type(functools.reduce(getattr, path[:-1], options)))[path[-1]]
            hint = Annotated[kind | None, _flag(path[-1], declared)]
            yield _Flag(_parameter(name, hint, None), path)


def _flag(name: str, declared: Option) -> Any:
    """Return typer's declaration of an option's flag."""

    def known(given: str | None) -> str | None:
        if given and given not in declared.names:
            raise UserError(f"there is no {name} {given!r}; there is {', '.join(declared.names)}")
        return given

    return typer.Option(
        f"--{declared.flag or name.replace('_', '-')}",
        help=declared.help.format(names=", ".join(declared.names)),
        metavar=declared.metavar or None,
        min=declared.low,
        max=declared.high,
        callback=known if declared.names else None,
        show_default=False,
    )


def _parameter(name: str, hint: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, annotation=hint, default=default)
