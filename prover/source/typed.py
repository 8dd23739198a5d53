"""Texts as they are typed or sent: their limits, the statement that is meant, and Lean's messages in the typed text."""

import re
from dataclasses import dataclass, replace
from typing import Protocol

from prover.errors import InputError
from prover.source import scanner
from prover.source.lean_file import UNCLOSED, line_and_column
from prover.source.lexer import unclosed_comment
from prover.source.scanner import Form
from prover.theorem import Header, HeaderError, Theorem
from prover.verdict import Message, Mode, Region, Verdict, VerdictKind

NAME = "leansieve_statement"
"""Name of an anonymous statement."""

_IN_FULL = re.compile(r"theorem\s+[A-Za-z_][A-Za-z0-9_']*\s*[:({\[](?!=)")
"""Beginning of a named theorem without a proof; the text is taken unchanged, unless it contains `:=` or a star."""
_TAIL = re.compile(r":=\s*(?:by\b\s*)?(?:sorry|admit|…|\.\.\.)?\Z")
_GROUPS = {"(": ")", "{": "}", "[": "]", "⦃": "⦄"}
_UNIVERSE_STAR = re.compile(r"(?<![\w.'])(Type|Sort)\*")
_LONGEST_NAME = 64
_AFTER_STATEMENT = re.compile(r"unexpected (?:token ':='|end of input)(?:; (expected .*))?", re.DOTALL)
_NO_STATEMENT = "the statement must be one `theorem NAME binders : goal`, without `:=`"


class TextLimits(Protocol):
    """Maximum sizes of the texts of a theorem, in UTF-8 bytes."""

    @property
    def header(self) -> int:
        """Imports, opens and options."""
        ...

    @property
    def context(self) -> int:
        """Source text before the statement."""
        ...

    @property
    def statement(self) -> int:
        """The statement."""
        ...


@dataclass(frozen=True, slots=True)
class Typed:
    """An interpreted statement.

    Attributes:
        statement: `theorem NAME binders : goal`; other texts are unchanged.
        shift: growth of its first line.
        proof: the text after `:=`, if it is a proof.
    """

    statement: str
    shift: int = 0
    proof: str = ""


def read(text: str, mathlib: bool = False) -> Typed:
    """Return the statement for a text, which may be a theorem, lemma or example, with or without a name, a trailing
    `:= by sorry` and a comment after it; binders and a goal; or a goal alone.

    Args:
        mathlib: whether Mathlib's `Type*` is available; otherwise it becomes `Type _`.
    """
    text = _TAIL.sub("", text.strip()).rstrip()
    if "--" in text or text.endswith("-/"):  # what is put after the statement must not end up in its comment
        text = _TAIL.sub("", _without_comment_behind(text)).rstrip()
        text = _without_comment_behind(text)
    if not text:
        return Typed("")
    if _IN_FULL.match(text) and ":=" not in text and not _UNIVERSE_STAR.search(text):
        return Typed(text)
    return _read_command(text, mathlib)


def _read_command(text: str, mathlib: bool) -> Typed:
    """Read any other text as `read` does; takes a tenth of a millisecond for thirty characters."""
    code = scanner.code_of(text)
    found = list(scanner.commands(text, code, 0))
    if not found:
        opening = f"theorem {NAME} " if _begins_with_binders(code) else f"theorem {NAME} : "
        return Typed(_without_star(opening + text, mathlib), len(opening))
    (first, *others) = found
    if others or not first.is_theorem or first.start or first.prefixes or code[: first.at].strip().startswith("@"):
        return Typed(text)
    behind = first.at + len(first.keyword)
    opening = "theorem" if first.own_name is not None else f"theorem {NAME}"
    end = first.value if first.form is Form.ASSIGNED else None
    stated = text[behind:end].rstrip()
    proof = text[first.proof_start : first.proof_end] if end is not None else ""
    if proof:
        return Typed(text, 0, proof)
    return Typed(_without_star(opening + stated, mathlib), len(opening) - behind)


def read_theorem(
    statement: str,
    header: str,
    context: str,
    limits: TextLimits,
    project: str = "",
    stated: bool = True,
    instead: str = "",
) -> Theorem:
    """Build a theorem from texts; an empty header means the default one, that of the named project if given.

    Args:
        limits: maximum sizes.
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
    found = read(statement, mathlib)
    if stated and not found.statement:
        raise InputError("theorem.statement", "the statement is empty; expected `theorem NAME binders : goal`")
    if instead and found.proof:
        raise InputError("theorem.statement", f"the statement has a proof already: {instead} checks it")
    return Theorem(found.statement, read_header, context, project, found.shift)


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


def is_theorem(text: str) -> bool:
    """Whether the text begins like a theorem, lemma or example, as opposed to a file name."""
    first = next(scanner.commands(text, scanner.code_of(text), 0), None)
    return first is not None and first.is_theorem


def other_command(text: str) -> str:
    """Return the keyword of another command with which the text begins; otherwise an empty string."""
    first = next(scanner.commands(text, scanner.code_of(text), 0), None)
    begins = first is not None and not first.is_theorem and not text[: first.at].strip()
    return first.keyword if first is not None and begins else ""


def _begins_with_binders(code: str) -> bool:
    """Whether it begins with brackets followed by a colon, which cannot be a part of a goal."""
    awaited: list[str] = []
    for char in code:
        if char in _GROUPS:
            awaited.append(_GROUPS[char])
        elif awaited:
            if char == awaited[-1]:
                awaited.pop()
        elif not char.isspace():
            return char == ":"
    return False


def _without_comment_behind(text: str) -> str:
    """Return the text without the comments at its end, unless one is not closed."""
    code = text[: len(scanner.code_of(text).rstrip())]
    return text if code == text or unclosed_comment(text) is not None else code


def _without_star(statement: str, mathlib: bool) -> str:
    return statement if mathlib else _UNIVERSE_STAR.sub(r"\1 _", statement)


def as_typed(theorem: Theorem, verdict: Verdict, candidate: str = "") -> Verdict:
    """Return a verdict with the positions of its messages in the texts as they were typed.

    Lean reads a statement followed by `:= sorry`, and there reports the missing parts of an incomplete one: such a
    message becomes one about the statement's end. A comment that is not closed is reported at a text's end; the message
    becomes one about the beginning of the comment.
    """
    messages = verdict.messages
    if verdict.kind is VerdictKind.INVALID_STATEMENT and theorem.statement:
        messages = tuple(_at_its_end(theorem.statement, message) for message in messages)
    texts = {Region.CONTEXT: theorem.context, Region.CANDIDATE: candidate}
    messages = tuple(_at_its_opening(texts.get(message.region, ""), message) for message in messages)
    if theorem.shift:
        messages = tuple(_shifted_back(message, theorem.shift) for message in messages)
    return replace(verdict, messages=messages) if messages != verdict.messages else verdict


def _at_its_opening(text: str, message: Message) -> Message:
    if message.text.startswith(UNCLOSED) and (opening := unclosed_comment(text)) is not None:
        line, column = line_and_column(text, opening)
        return replace(message, line=line, column=column)
    return message


def _shifted_back(message: Message, shift: int) -> Message:
    if message.region is not Region.STATEMENT or message.line != 1:
        return message
    return replace(message, column=max(0, message.column - shift))


def _at_its_end(statement: str, message: Message) -> Message:
    end = line_and_column(statement, len(statement.rstrip()))
    beyond = message.region is Region.CANDIDATE or (
        message.region is Region.STATEMENT and (message.line, message.column) >= end
    )
    if not beyond or message.severity != "error":
        return message
    text = message.text
    if text.startswith(UNCLOSED) and (opening := unclosed_comment(statement)) is not None:
        end = line_and_column(statement, opening)
    elif missing := _AFTER_STATEMENT.fullmatch(text):
        complete = missing[1] is None or missing[1].startswith("expected command")
        text = _NO_STATEMENT if complete else f"the statement ends too early: {missing[1]}"
        end = (1, 0) if complete else end
    return replace(message, text=text, region=Region.STATEMENT, line=end[0], column=end[1])
