"""What is looked for in the library, and what is found."""

import re
from dataclasses import dataclass, field
from enum import StrEnum

from prover.lean.workers.jobs import Priority
from prover.theorem import Header

_NAME = re.compile(r"[\w.'!?₀-₉«»]+(?:\s+[\w.'!?₀-₉«»]+)*")
_HOLE = re.compile(r"(?<![\w.'])(?:_|\?\w+)(?![\w.'])")


class QueryKind(StrEnum):
    """How a query is read."""

    NAME = "name"
    """A part of a declaration's name, or words of it."""
    PATTERN = "pattern"
    """A term with holes, `_` or `?a`, that a part of the declaration's type has to fit."""
    GOAL = "goal"
    """A goal as Lean prints it, or a proposition: what is most relevant to it is wanted."""


def kind_of(text: str) -> QueryKind:
    """How a text is meant, by its form."""
    if "⊢" in text:
        return QueryKind.GOAL
    return QueryKind.NAME if _NAME.fullmatch(text.strip()) and not _HOLE.search(text) else QueryKind.PATTERN


@dataclass(frozen=True, slots=True)
class Premises:
    """Declarations wanted.

    Attributes:
        kind, text: the query.
        header, context: what a pattern or goal stands under; what is found is written as it is to be written there.
        most: declarations wanted.
        seconds: wall-clock bound.
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
    """A declaration that fits.

    Attributes:
        kind: `theorem`, `definition`, `constructor`, …
        type: as Lean prints it below header and context.
        score: higher is better; comparable within one answer only.
        outdated: the library says that another one should be used.
    """

    name: str
    kind: str
    type: str
    module: str
    score: float
    outdated: bool = False


@dataclass(frozen=True, slots=True)
class QueryResult:
    """What was found.

    Attributes:
        premises: the best first.
        searched: how many declarations were looked through.
        fitting: how many fit in all; for a goal, how many have anything in common with it.
    """

    premises: tuple[Premise, ...]
    searched: int
    fitting: int
