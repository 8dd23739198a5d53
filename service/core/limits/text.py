"""Texts from outside: validated with limits, displayed without control characters."""

import unicodedata

from prover.errors import InputError
from prover.source import typed
from prover.theorem import Header, HeaderError, Theorem
from prover.verdict import Message, Mode, Region, Verdict, VerdictKind
from service.ops.config import TextSettings

_REGIONS = {"header": Region.HEADER, "project": Region.HEADER, "context": Region.CONTEXT, "statement": Region.STATEMENT}
_TEXTS = ("proof", "file", *_REGIONS)
_LONGEST_NAME = 64
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


def take(field: str, text: str, longest: int) -> str:
    """Return `text` if it is valid.

    Raises:
        InputError: it is longer than `longest` bytes, or contains characters invalid in Lean source.
    """
    name = field.rpartition(".")[2]
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InputError(field, f"the {name} holds a lone surrogate at character {error.start}: send UTF-8") from None
    if size > longest:
        raise InputError(field, f"the {name} is {size:,} bytes long; at most {longest:,} are taken")
    if "\0" in text:
        raise InputError(field, f"the {name} holds a NUL character at character {text.index(chr(0))}")
    return text


def take_candidate(mode: Mode, text: str, longest: int) -> str:
    """Return the text of a candidate if it is valid.

    Raises:
        InputError: as `take`; or it begins with something that belongs elsewhere.
    """
    take(mode.value, text, longest)
    if mode is Mode.PROOF and text.lstrip().startswith(":="):
        raise InputError("proof", "`proof` is the text after `:=`: leave out the `:=`")
    if mode is Mode.FILE and text.split(maxsplit=1)[:1] == ["import"]:
        raise InputError("file", "`file` has no imports: put them in `header`")
    return text


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


def read_theorem(
    statement: str,
    header: str,
    context: str,
    limits: TextSettings,
    project: str = "",
    stated: bool = True,
    instead: str = "",
) -> Theorem:
    """Build a theorem from texts; an empty header means the default one, that of the named project if given.

    Args:
        stated: whether a statement is required.
        instead: the command or tool for a statement that has a proof already, which is then an error; empty: Lean reports it.

    Raises:
        InputError: a text is missing, too long, or not Lean source.
    """
    take("theorem.header", header, limits.header)
    take("theorem.context", context, limits.context)
    take("theorem.statement", statement, limits.statement)
    try:
        if project:
            read_header = Header.of_project(header)
            take("theorem.project", project, _LONGEST_NAME)
        else:
            read_header = Header.parse(header) if header.strip() else Header()
    except HeaderError as error:
        raise InputError("theorem.header", str(error)) from None
    mathlib = bool(project) or any(module.startswith("Mathlib") for module in read_header.imports)
    found = typed.read(statement, mathlib)
    if stated and not found.statement:
        raise InputError("theorem.statement", "the statement is empty; expected `theorem NAME binders : goal`")
    if instead and found.proof:
        raise InputError("theorem.statement", f"the statement has a proof already: {instead} checks it")
    return Theorem(found.statement, read_header, context, project)


def blames_item(error: InputError) -> bool:
    """Whether the error is about a text of the item, as opposed to the requested options."""
    return error.field.startswith("theorem.") or error.field in _TEXTS


def refusal(error: InputError) -> Verdict:
    """Return the verdict on an item with invalid texts."""
    region = _REGIONS.get(error.field.rpartition(".")[2], Region.CANDIDATE)
    kind = VerdictKind.REJECTED if region is Region.CANDIDATE else VerdictKind.INVALID_STATEMENT
    return Verdict(kind, messages=(Message("error", str(error), region),))
