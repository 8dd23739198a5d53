"""Context knowledge for tactic rules: the declarations of a theorem's context."""

import re
from collections import OrderedDict
from dataclasses import dataclass, field

from prover.source.context.declarations import Declared, NameReader, declared
from prover.source.context.inductives import Constructor, read_inductives
from prover.source.lexer import tokenize
from prover.source.scanner import code_of, commands
from prover.theorem import Theorem

_KEPT = 64  # theorems
_GROUP = r"(?:\([^()]*\)|\{[^{}]*\}|\[[^\[\]]*\]|⦃[^⦃⦄]*⦄)"
_OF_TYPES = re.compile(
    rf"\A[^:=(\[{{⦃]*(?:{_GROUP}[^:=(\[{{⦃]*)*(?:: (?:Type|Sort)\b|:= (?:[^\n]*→ )?(?:Type|Prop)\s*\Z)"
)


@dataclass(frozen=True, slots=True)
class ContextDeclarations:
    """Declarations of a theorem's context.

    Attributes:
        declared: names in the form that the statement can use.
        plain: definitions without recursion.
        recursive: recursive definitions.
        accumulating: recursive definitions whose recursive calls also change other arguments than the one they recurse
            on.
        inductives: constructors, by the last component of the type's name.
        uses: for each definition, the definitions that its text mentions.
    """

    declared: Declared = field(default_factory=Declared)
    plain: tuple[str, ...] = ()
    recursive: tuple[str, ...] = ()
    accumulating: tuple[str, ...] = ()
    inductives: dict[str, tuple[Constructor, ...]] = field(default_factory=dict)
    uses: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def rules(self) -> list[str]:
        """Constructors of the context's inductive predicates and types, in the form that the statement can use."""
        return [f"{name}.{each.name}" for name in self.declared.types for each in self.inductives.get(_last(name), ())]

    def mentioned(self, text: str, names: tuple[str, ...]) -> list[str]:
        """Return the declared names that a text appears to mention."""
        words = {part for token in tokenize(text) if token.kind == "name" for part in token.text.split(".")}
        return [name for name in names if _last(name) in words]

    def definitions_in(self, text: str) -> list[str]:
        """Return the definitions that a text appears to mention, and those that these mention in turn."""
        found = dict.fromkeys(self.mentioned(text, self.declared.definitions))
        waiting = list(found)
        while waiting:
            new = [name for name in self.uses.get(waiting.pop(), ()) if name not in found]
            found |= dict.fromkeys(new)
            waiting += new
        return [name for name in self.declared.definitions if name in found]


class DeclarationReader:
    """Collects the declarations of contexts; caches them for some theorems."""

    def __init__(self, reader: NameReader | None = None) -> None:
        """Use `reader` to read contexts; without a reader they are parsed as text."""
        self._reader = reader
        self._kept: OrderedDict[str, ContextDeclarations] = OrderedDict()

    async def of(self, theorem: Theorem) -> ContextDeclarations:
        """Return the declarations of a theorem's context."""
        if (known := self._kept.get(theorem.digest)) is None:
            known = known_of(theorem, await declared(self._reader, theorem))
            self._kept[theorem.digest] = known
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return known


def known_of(theorem: Theorem, names: Declared) -> ContextDeclarations:
    """Combine the declared names with information from the context's text."""
    counts: dict[str, int] = {}
    uses: dict[str, tuple[str, ...]] = {}
    accumulating: list[str] = []
    context = theorem.context
    for command in commands(context, code_of(context), 0):
        text = context[command.start : command.end]
        words = [_last(token.text) for token in tokenize(text) if token.kind == "name"]
        for name in names.definitions:
            if _last(name) not in words or name in counts:
                continue
            # An abbreviation of a type rarely needs unfolding.
            counts[name] = 0 if _OF_TYPES.search(text) else words.count(_last(name))
            uses[name] = tuple(each for each in names.definitions if each != name and _last(each) in words)
            if _accumulates(text, _last(name)):
                accumulating.append(name)
    plain = tuple(name for name, count in counts.items() if count == 1)
    recursive = tuple(name for name, count in counts.items() if count > 1)
    return ContextDeclarations(names, plain, recursive, tuple(accumulating), read_inductives(context), uses)


def _accumulates(text: str, name: str) -> bool:
    """Whether a recursive call changes an argument other than by taking its pattern apart."""
    for arm in re.finditer(r"\|([^|\n]*)=>([^|]*)", text):
        patterns = arm[1].split(",")
        for call in re.finditer(rf"(?<![\w.]){re.escape(name)}((?: (?:[\w.]+|\([^()]*\)))+)", arm[2]):
            arguments = re.findall(r"[\w.]+|\([^()]*\)", call[1])
            if any(
                not re.search(rf"\b{re.escape(argument)}\b", pattern)
                for pattern, argument in zip(reversed(patterns), reversed(arguments), strict=False)
            ):
                return True
    return False


def _last(name: str) -> str:
    return name.rpartition(".")[2]
