"""Shortens a theorem's context to the parts that matter for its proof, for readers with limited input."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from prover.source.lexer import tokenize
from prover.source.scanner import code_of, commands
from prover.theorem import Theorem

_DECLARES = re.compile(
    r"\b(theorem|lemma|def|abbrev|inductive|structure|class|instance|opaque|axiom|example)\b(?:\s+([^\s:({\[⦃]+))?"
)
_SHORTEST = 60  # characters; a shorter part of a context is not worth including


@dataclass(frozen=True, slots=True)
class _Piece:
    """A command: its position, its text, the declared name ("" if none) and kind, and the last components of names it
    mentions.
    """

    place: int
    text: str
    name: str
    keyword: str
    words: frozenset[str]


def shortened(theorem: Theorem) -> Iterator[Theorem]:
    """Yield the theorem, then versions with less and less context: half of it, a quarter, …, none.

    Declarations that the statement mentions directly or indirectly stay longest; next are lemmas about these, the
    nearest first.
    """
    yield theorem
    if not theorem.context.strip():
        return
    context = theorem.context
    found = commands(context, code_of(context), 0)
    pieces = [_read(place, context[one.start : one.end].strip()) for place, one in enumerate(found)]
    order = _by_worth(pieces, _words(theorem.statement))
    room = len(theorem.context) // 2
    while room >= _SHORTEST:
        yield replace(theorem, context=_chosen(order, room))
        room //= 2
    yield replace(theorem, context="")


def _chosen(order: list[_Piece], room: int) -> str:
    """Return the first pieces that fit into so many characters, in the order of the context."""
    chosen = []
    for piece in order:
        if len(piece.text) < room:
            room -= len(piece.text) + 2
            chosen.append(piece)
    return "\n\n".join(piece.text for piece in sorted(chosen, key=lambda piece: piece.place))


def _by_worth(pieces: list[_Piece], mentioned: frozenset[str]) -> list[_Piece]:
    """Sort the pieces by relevance, highest first."""
    needed: list[_Piece] = []
    words = mentioned
    while more := [each for each in pieces if each.name in words and each not in needed and not _is_lemma(each)]:
        needed += more
        words = frozenset().union(words, *(each.words for each in more))
    names = {each.name for each in needed}
    others = [each for each in pieces if each not in needed]
    # Namespaces, variables and notation affect the meaning of everything, and are short.
    return [
        *(each for each in others if not each.keyword),
        *needed,
        *sorted(
            (each for each in others if each.keyword),
            key=lambda each: (not _is_lemma(each), not each.words & names, -each.place),
        ),
    ]


def _is_lemma(piece: _Piece) -> bool:
    return piece.keyword in ("theorem", "lemma", "axiom", "example")


def _read(place: int, text: str) -> _Piece:
    found = _DECLARES.search(text)
    name = _last(found[2] or "") if found else ""
    return _Piece(place, text, name, found[1] if found else "", _words(text))


def _words(text: str) -> frozenset[str]:
    return frozenset(part for token in tokenize(text) if token.kind == "name" for part in token.text.split("."))


def _last(name: str) -> str:
    return name.rpartition(".")[2]
