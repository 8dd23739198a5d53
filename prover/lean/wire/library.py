"""Requests about the imported library (docs/worker-protocol.md)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from prover.lean.checker import Terms
from prover.lean.wire.answers import Name
from prover.lean.wire.checks import (
    FLAG,
    TEXT,
    TEXTS,
    NoAnswerError,
    body,
    common,
    fit,
    in_time,
    kind_of,
    no_answer,
    with_texts,
)
from prover.lean.wire.lines import Fields, Request, shaped
from prover.theorem import Theorem
from prover.verdict import Region, VerdictKind


@dataclass(frozen=True, slots=True)
class Constant:
    """A constant of the imported library.

    Attributes:
        kind: `theorem`, `definition`, `inductive`, …
        type: its type, pretty-printed.
        module: the module that declares it.
        levels: names of its universe parameters.
    """

    name: str
    kind: str
    type: str
    module: str = ""
    levels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LibraryTheorem:
    """A theorem of the imported library.

    Attributes:
        name: full name in the library.
        statement: a statement of the same type under another name, to be proved anew.
    """

    name: str
    statement: str


@dataclass(frozen=True, slots=True)
class LibraryPage:
    """A page of theorems of a module, limited to those that can be stated.

    Attributes:
        theorems: theorems among the requested constants.
        constants: number of constants in the module.
    """

    theorems: tuple[LibraryTheorem, ...]
    constants: int


@dataclass(frozen=True, slots=True)
class ImportedModule:
    """A module of the imported library.

    Attributes:
        constants: number of its constants.
        fingerprint: hash of the names and types of its constants.
    """

    name: str
    constants: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Declarations:
    """Declarations of a module.

    Attributes:
        declarations: name, kind (see `Constant.kind`), whether it is deprecated, and the shape of its type, empty if
            that is long.
        symbols: the constants that the shapes refer to.
        constants: number of constants in the module.
    """

    declarations: tuple[tuple[str, str, bool, str], ...]
    symbols: tuple[str, ...]
    constants: int


_LIBRARY_PAGE = TypeAdapter(LibraryPage)
_CONSTANT = TypeAdapter(Constant)
_FOUND = TypeAdapter(list[dict[str, Any]])
_DECLARATIONS = TypeAdapter(Declarations)
_LISTED_MODULES = TypeAdapter(list[tuple[str, int, str]])


def closure(theorem: Theorem, names: Sequence[Name], known: Iterable[Name], terms: Terms) -> Request[str]:
    """Request library constants with their dependencies, except `known` ones, as declarations in lean4export's format,
    dependencies first, as many as fit into an answer. A failed look-up raises `NoAnswerError`.
    """
    fields = common(theorem, terms) | {"names": names, "known": list(known)}

    def read(fields: Fields, _ms: float, late: bool) -> str:
        if late:
            raise NoAnswerError(VerdictKind.TIMEOUT, "the library constants were not written in time")
        return shaped(TEXT, fields.get("text")) or ""

    return Request("closure", body("closure", fields), read, no_answer)


def constant(theorem: Theorem, name: str, terms: Terms) -> Request[Constant | None]:
    """Look up a constant under the theorem's header. Raises as `check`; a failed look-up raises `NoAnswerError`."""
    fields = common(theorem, terms) | {"name": fit(Region.CANDIDATE, name)}

    def read(fields: Fields, _ms: float, _late: bool) -> Constant | None:
        if not shaped(FLAG, fields.get("found")):
            return None
        return shaped(_CONSTANT, with_texts(fields, "type", "module") | {"name": name})

    return Request("constant", body("constant", fields), read, no_answer)


def modules(theorem: Theorem, terms: Terms) -> Request[tuple[str, ...]]:
    """Request the modules that the theorem's header imports, each after its own imports."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[str, ...]:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), "the modules were not listed")
        return shaped(TEXTS, fields.get("modules"))

    return Request("library", body("library", common(theorem, terms)), read, no_answer)


def library(theorem: Theorem, module: str, offset: int, limit: int, terms: Terms) -> Request[LibraryPage]:
    """Request the theorems among `limit` constants of an imported module. A failed look-up raises `NoAnswerError`."""
    fields = common(theorem, terms) | {
        "module": fit(Region.CANDIDATE, module),
        "offset": offset,
        "limit": limit,
    }

    def read(fields: Fields, _ms: float, late: bool) -> LibraryPage:
        if late or fields.get("verdict") != "verified":
            raise NoAnswerError(kind_of(fields, late), f"the theorems of {module} were not listed")
        return shaped(_LIBRARY_PAGE, fields)

    return Request("library", body("library", fields), read, no_answer)


def index(theorem: Theorem, terms: Terms) -> Request[tuple[ImportedModule, ...]]:
    """Request the modules that the theorem's header imports, with their fingerprints. Raises as `constant`."""

    def read(fields: Fields, _ms: float, late: bool) -> tuple[ImportedModule, ...]:
        in_time(late, "the modules were not listed in time")
        listed = shaped(_LISTED_MODULES, fields.get("modules"))
        return tuple(ImportedModule(*one) for one in listed)

    return Request("index", body("index", common(theorem, terms)), read, no_answer)


def declarations(theorem: Theorem, module: str, offset: int, limit: int, terms: Terms) -> Request[Declarations]:
    """Request searchable declarations among `limit` constants of an imported module. Raises as `constant`."""
    fields = common(theorem, terms) | {"module": fit(Region.CANDIDATE, module), "offset": offset, "limit": limit}

    def read(fields: Fields, _ms: float, late: bool) -> Declarations:
        in_time(late, f"the declarations of {module} were not listed in time")
        return shaped(_DECLARATIONS, fields)

    return Request("index", body("index", fields), read, no_answer)


def constants(theorem: Theorem, names: Sequence[str], terms: Terms) -> Request[tuple[Constant, ...]]:
    """Look up several constants under the theorem's header and context; missing ones are left out.

    Raises as `constant`.
    """
    fields = common(theorem, terms) | {"names": [fit(Region.CANDIDATE, name) for name in names]}

    def read(fields: Fields, _ms: float, late: bool) -> tuple[Constant, ...]:
        in_time(late, "the library's declarations were not shown in time")
        listed = shaped(_FOUND, fields.get("constants"))
        return tuple(shaped(_CONSTANT, with_texts(one, "type", "module")) for one in listed if one["found"])

    return Request("constant", body("constant", fields), read, no_answer)
