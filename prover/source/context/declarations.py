"""The declarations of a theorem's context: definitions to unfold, types to take apart, theorems to use."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from prover.lean.checker import Terms
from prover.lean.wire.answers import Named
from prover.lean.wire.checks import InvalidTextError, NoAnswerError
from prover.lean.workers.jobs import PoolBusyError
from prover.source.lexer import tokenize
from prover.theorem import Theorem

_KEYWORDS = {"def": "definition", "abbrev": "definition", "inductive": "inductive", "structure": "inductive"}
_KEYWORDS |= {"class": "inductive", "theorem": "theorem", "lemma": "theorem", "axiom": "theorem"}
_DECLARATION = re.compile(
    rf"^[ \t]*(?:@\[[^\]\n]*\]\s*)?(?:\w+ )*?({'|'.join(_KEYWORDS)}) +([^\s:({{\[]+)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Declared:
    """Names in the form that the theorem's statement can use, in the order of the context.

    Attributes:
        definitions: functions and predicates.
        types: inductive types and structures.
        theorems: theorems and axioms.
    """

    definitions: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    theorems: tuple[str, ...] = ()


class NameReader(Protocol):
    """Reads the declarations of header and context; `WorkerPool` implements it."""

    async def names(self, theorem: Theorem, terms: Terms = ...) -> tuple[Named, ...]:
        """See `WorkerPool.names`."""
        ...


async def declared(reader: NameReader | None, theorem: Theorem) -> Declared:
    """Return the context's declarations from Lean; without Lean or its answer, from the text."""
    if not theorem.context.strip():
        return Declared()
    if reader is None:
        return scanned(theorem)
    try:
        found = await reader.names(theorem)
    except (NoAnswerError, PoolBusyError, InvalidTextError):
        return scanned(theorem)
    # Generated declarations do not occur in the text: `Tree.casesOn`, `instReprTree`.
    tokens = [token.text for token in tokenize(theorem.context) if token.kind == "name"]
    written = {part: place for place, text in reversed(list(enumerate(tokens))) for part in (text, _last(text))}
    named = [each for each in found if _last(each.name) in written]
    return _sorted(sorted(named, key=lambda each: written[_last(each.name)]))


def scanned(theorem: Theorem) -> Declared:
    """Return declarations found in the text, under their names as written."""
    return _sorted(Named(name, _KEYWORDS[word]) for word, name in _DECLARATION.findall(theorem.context))


def _sorted(found: Iterable[Named]) -> Declared:
    names: dict[str, list[str]] = {kind: [] for kind in ("definition", "inductive", "theorem")}
    for each in found:
        kind = "theorem" if each.kind == "axiom" else each.kind
        if kind in names:
            names[kind].append(each.name)
    return Declared(*(tuple(dict.fromkeys(some)) for some in names.values()))


def _last(name: str) -> str:
    return name.rpartition(".")[2]
