"""Queries to the library, and their results."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from prover.lean.workers.jobs import Priority
from prover.theorem import Header

_NAME = re.compile(r"[\w.'!?₀-₉«»]+(?:\s+[\w.'!?₀-₉«»]+)*")
_HOLE = re.compile(r"(?<![\w.'])(?:_|\?\w+)(?![\w.'])")


class QueryKind(StrEnum):
    """The kind of a query."""

    NAME = "name"
    """A part of a declaration's name, or words in it."""
    PATTERN = "pattern"
    """A term with holes, `_` or `?a`, that must match a part of the declaration's type."""
    GOAL = "goal"
    """A goal as Lean prints it, or a proposition; the result is ranked by relevance."""


def kind_of(text: str) -> QueryKind:
    """Guess the kind of a query from its form."""
    if "⊢" in text:
        return QueryKind.GOAL
    return QueryKind.NAME if _NAME.fullmatch(text.strip()) and not _HOLE.search(text) else QueryKind.PATTERN


@dataclass(frozen=True, slots=True)
class Premises:
    """A query for declarations.

    Attributes:
        kind, text: the query.
        header, context: scope of a pattern or goal; results are written as valid in this scope.
        most: maximum number of declarations.
        seconds: wall-clock limit.
    """

    kind: QueryKind
    text: str
    header: Header = field(default_factory=Header)
    context: str = ""
    project: str = ""
    most: int = 10
    seconds: float = 10.0
    priority: Priority = Priority.INTERACTIVE


@dataclass(frozen=True, slots=True)
class Premise:
    """A matching declaration.

    Attributes:
        kind: `theorem`, `definition`, `constructor`, …
        type: as Lean prints it under header and context.
        score: higher is better; comparable only within one answer.
        outdated: whether the library marks it as deprecated.
    """

    name: str
    kind: str
    type: str
    module: str
    score: float
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class QueryResult:
    """A result.

    Attributes:
        premises: matching declarations, best first.
        searched: number of declarations searched.
        fitting: number of matches; for a goal, number of declarations with any shared feature.
    """

    premises: tuple[Premise, ...]
    searched: int
    fitting: int
