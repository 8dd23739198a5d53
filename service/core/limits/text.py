"""Texts from outside: shown without control characters, names and refusals."""

import unicodedata

from prover.errors import InputError
from prover.source.typed import take
from prover.verdict import Message, Region, Verdict, VerdictKind

_REGIONS = {"header": Region.HEADER, "project": Region.HEADER, "context": Region.CONTEXT, "statement": Region.STATEMENT}
_TEXTS = ("proof", "file", *_REGIONS)
_COMMANDING = ("Cc", "Cf", "Cs", "Zl", "Zp")  # categories of invisible characters with an effect
CHECK_COMMAND = "`leansieve check 'theorem … := …'`"
"""Checks a statement that is given with its proof."""
_JOINERS = "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"  # needed in names of some scripts


def printable(text: str, newlines: bool = False) -> str:
    """Escape control and direction-changing characters of `text`, so that it cannot control a terminal."""
    keep = "\n\t" if newlines else ""
    return "".join(
        char if char in keep or unicodedata.category(char) not in _COMMANDING else ascii(char)[1:-1] for char in text
    )


def take_name(field: str, text: str, longest: int) -> str:
    """Return `text` if it is valid as a name: one line of visible characters.

    Raises:
        InputError: as `take`; or it contains a line break, a control character, or a character that changes the text direction.
    """
    take(field, text, longest)
    for at, char in enumerate(text):
        if char not in _JOINERS and unicodedata.category(char) in _COMMANDING:
            name = field.rpartition(".")[2].replace("_", " ")
            raise InputError(
                field,
                f"the {name} holds U+{ord(char):04X} at character {at}: it is one line of characters that are seen",
            )
    return text


def blames_item(error: InputError) -> bool:
    """Whether the error is about a text of the item, as opposed to the requested options."""
    return error.field.startswith("theorem.") or error.field in _TEXTS


def refusal(error: InputError) -> Verdict:
    """Return the verdict on an item with invalid texts."""
    region = _REGIONS.get(error.field.rpartition(".")[2], Region.CANDIDATE)
    kind = VerdictKind.REJECTED if region is Region.CANDIDATE else VerdictKind.INVALID_STATEMENT
    return Verdict(kind, messages=(Message("error", str(error), region),))
