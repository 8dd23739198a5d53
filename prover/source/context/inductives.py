"""Parses the inductive types of a context, as far as needed to name the variables of cases and inductions."""

import re
from dataclasses import dataclass

from prover.source.binders import Binder, read_groups
from prover.source.lexer import find, tokenize
from prover.source.scanner import code_of

_INDUCTIVE = re.compile(r"^[ \t]*(?:@\[[^\]\n]*\]\s*)?(?:\w+ )*?inductive +([^\s:({\[⦃]+)", re.MULTILINE)
_NEXT = re.compile(
    r"^(?:\S|[ \t]*(?:deriving|end|def|theorem|lemma|inductive|instance|structure|namespace)\b)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Field:
    """An explicit argument of a constructor: its name, "" if anonymous, and whether its type is the inductive type
    itself.
    """

    name: str
    recursive: bool


@dataclass(frozen=True, slots=True)
class Constructor:
    """A constructor of an inductive type."""

    name: str
    fields: tuple[Field, ...]


def read_inductives(context: str) -> dict[str, tuple[Constructor, ...]]:
    """Return the constructors of each inductive type that a context declares, by the last component of the type's
    name.
    """
    code = code_of(context)
    found: dict[str, tuple[Constructor, ...]] = {}
    for match in _INDUCTIVE.finditer(code):
        following = next(
            (each.start() for each in _NEXT.finditer(code, match.end()) if code[each.start()] != "|"), len(code)
        )
        name = match[1].rpartition(".")[2]
        parts = _split(code[match.end() : following])
        found[name] = tuple(each for part in parts[1:] for each in _constructor(part, name))
    return found


def _split(text: str) -> list[str]:
    """Split the text at each `|` outside brackets."""
    tokens = list(tokenize(text))
    cuts, at = [0], 0
    while (at := find(tokens, at, "|")) < len(tokens):
        cuts.append(tokens[at].start)
        at += 1
    return [text[start:end].lstrip("|").strip() for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def _constructor(text: str, of: str) -> list[Constructor]:
    tokens = list(tokenize(text))
    if not tokens or tokens[0].kind != "name":
        return []
    colon = find(tokens, 1, ":")
    end = tokens[colon].start if colon < len(tokens) else len(text)
    fields = [Field(binder.name, _head(binder.type) == of) for binder in _groups(_explicit(text[tokens[0].end : end]))]
    start = colon + 1
    while (arrow := find(tokens, start, "→")) < len(tokens):
        domain = text[tokens[start].start : tokens[arrow].start].strip()
        if groups := _groups(domain):
            fields += (Field(binder.name, _head(binder.type) == of) for binder in groups)
        else:
            fields.append(Field("", _head(domain) == of))
        start = arrow + 1
    return [Constructor(tokens[0].text, tuple(fields))]


def _explicit(text: str) -> str:
    return re.sub(r"\{[^}]*\}|\[[^\]]*\]|⦃[^⦄]*⦄", "", text)


def _head(type_: str) -> str:
    return type_.strip("() ").split(" ")[0].rpartition(".")[2]


def _groups(text: str) -> list[Binder]:
    return read_groups(text, list(tokenize(text)))
