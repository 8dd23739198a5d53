"""What rules know of a theorem beside its goals: what its context declares."""

import re
from collections import OrderedDict
from dataclasses import dataclass, field

from prover.source.declarations import Declared, NameReader, declared
from prover.source.inductives import Constructor, read_inductives
from prover.source.lexer import tokenize
from prover.source.scanner import code_of, commands
from prover.theorem import Theorem

_KEPT = 64  # theorems
_OF_TYPES = re.compile(r"\A[^:=]*(?:\([^()]*\)[^:=]*)*: (?:Type|Sort)\b")


@dataclass(frozen=True, slots=True)
class Known:
    """What a theorem's context declares.

    Attributes:
        declared: names as the statement can use them.
        plain: those of its definitions that are not recursive.
        inductives: constructors by the last part of the type's name.
    """

    declared: Declared = field(default_factory=Declared)
    plain: tuple[str, ...] = ()
    inductives: dict[str, tuple[Constructor, ...]] = field(default_factory=dict)

    @property
    def rules(self) -> list[str]:
        """The constructors of its inductive predicates and types, by the names by which the statement can use them."""
        return [f"{name}.{each.name}" for name in self.declared.types for each in self.inductives.get(_last(name), ())]

    def mentioned(self, text: str, names: tuple[str, ...]) -> list[str]:
        """Those names that a text seems to mention."""
        words = {part for token in tokenize(text) if token.kind == "name" for part in token.text.split(".")}
        return [name for name in names if _last(name) in words]


class Knower:
    """Finds out what rules should know; what it found is kept for some theorems."""

    def __init__(self, reader: NameReader | None = None) -> None:
        """Ask `reader` what contexts declare; without one they are read as text."""
        self._reader = reader
        self._kept: OrderedDict[str, Known] = OrderedDict()

    async def of(self, theorem: Theorem) -> Known:
        """What the context of a theorem declares."""
        if (known := self._kept.get(theorem.digest)) is None:
            known = known_of(theorem, await declared(self._reader, theorem))
            self._kept[theorem.digest] = known
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return known


def known_of(theorem: Theorem, names: Declared) -> Known:
    """The names that were found, and what the text says of them."""
    counts: dict[str, int] = {}
    context = theorem.context
    for command in commands(context, code_of(context), 0):
        text = context[command.start : command.end]
        if _OF_TYPES.search(text):  # a name for a type is seldom in the way
            continue
        words = [_last(token.text) for token in tokenize(text) if token.kind == "name"]
        for name in names.definitions:
            if _last(name) in words and name not in counts:
                counts[name] = words.count(_last(name))
    plain = tuple(name for name in names.definitions if counts.get(name) == 1)
    return Known(names, plain, read_inductives(context))


def _last(name: str) -> str:
    return name.rpartition(".")[2]
