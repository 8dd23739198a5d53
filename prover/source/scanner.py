"""A scanner for Lean, not a parser: it knows comments, strings, brackets and the keywords of commands.

A wrong guess may cost a proof, but never admits a wrong one, because Lean judges each theorem with the context cut
here.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from prover.source.lexer import tokenize

SORRY = re.compile(r"(?<![\w.'])(?:sorry|admit)(?![\w'])")
"""A hole in code without comments and strings."""

_NO_BREAK = re.compile(r"[^\n]")
_MODIFIER = (
    r"(?:@\[[^\]]{0,300}\]|\b(?:private|protected|public|noncomputable|nonrec|unsafe|partial|scoped|local|meta)\b)"
)
# The limits prevent quadratic time on hostile files.
_MODIFIERS = re.compile(rf"(?:{_MODIFIER}\s*)*\Z")
_LEADING_MODIFIERS = re.compile(rf"(?:{_MODIFIER}\s*)*")
_ONLY_MODIFIERS = re.compile(rf"\s*(?:{_MODIFIER}\s*)+\Z")
_PREFIX_IN = re.compile(
    r"[ \t]*(?:open|set_option|variable|include|omit|attribute|universe|\#guard_msgs|section)\b.*\bin\s*\Z", re.DOTALL
)
_LONGEST_PREFIX = 2_000  # characters
# `theorem` and `example` are reserved words; the others begin a command at any indentation, or only at the beginning of
# a line.
_COMMAND = re.compile(
    r"""(?<![\w.'`(])(?:theorem|example)(?![\w'.])
    | ^[ \t]*(?:lemma|namespace|section|end|def|abbrev|instance|structure|class|inductive|opaque|axiom|variable|universe
    |mutual|private|protected|noncomputable|macro|macro_rules|syntax|notation|elab|elab_rules|attribute)\b(?!')
    | ^(?:@\[ | \#[a-z] | (?:public|unsafe|partial|nonrec|scoped|local|meta|coinductive|open|export|set_option|infix|infixl
    |infixr|prefix|postfix|deriving|import|initialize|include|omit|add_decl_doc|run_cmd|run_meta|run_elab|builtin_initialize
    |declare_syntax_cat|register_[a-z_]+|simproc|dsimproc|alias|irreducible_def|recall|suppress_compilation|seal|unseal
    |grind_pattern|unif_hint|binder_predicate|initialize_simps_projections|library_note|assert_not_exists)\b(?!'))""",
    re.VERBOSE | re.MULTILINE,
)
_KEYWORD = re.compile(r"\s*(?P<word>\#?[\w]+)")
_NAME = re.compile(r"\s+(?P<name>[^\s:({\[⦃|]+)")
_SPLIT = re.compile(
    r"""(?P<opening>[(\[{⦃⟨]) | (?P<closing>[)\]}⦄⟩]) | (?P<assign>:=) | (?P<arrow>=>) | (?P<bar>(?<![|<])\|(?![|>]))
    | (?<![\w.'])(?: (?P<where>where) | (?P<bind>let|have|letI|haveI|let_fun) | (?P<match>match|nomatch)
    | (?P<cases>(?:fun|λ)(?=\s*\|)) )(?![\w'])""",
    re.VERBOSE,
)
_PURE_SORRY = re.compile(r"(?:by\b\s*)?(?:sorry|admit)")

_THEOREMS = frozenset({"theorem", "lemma", "example"})
_VALUED = frozenset({*_THEOREMS, "def", "abbrev", "instance", "opaque"})
# Commands without declarations for later ones, including `example`.
_PASSING = re.compile(r"\#|example\Z")
_WITH_TEXT_OF_PROGRAMS = frozenset({"macro", "macro_rules", "syntax", "notation", "elab", "elab_rules", "simproc"})


class Form(StrEnum):
    """The syntax by which a declaration gives its value."""

    ASSIGNED = "assigned"
    EQUATIONS = "equations"
    FIELDS = "fields"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Command:
    """One command of a file. Offsets count characters of `LeanFile.text`.

    Attributes:
        keyword: its keyword: `theorem`, `def`, `#eval`, …
        name: name as written; for an anonymous command, its keyword and line.
        line: line of the keyword, from 1.
        statement: for a theorem, `theorem NAME binders : goal`, whatever its keyword, without attributes and modifiers.
            Empty for other commands, and if the scanner finds no end of the statement.
        start: beginning of the command, including its own comments and modifiers.
        at: offset of its keyword.
        shift: growth of the statement's first line by the replacement of its keyword.
        prefixes: for each `open … in` or `set_option … in` before it, its beginning and the offset of its `in`.
        proof_start, proof_end: the text that a proof replaces: the text after `:=` without the blanks around it; the
            equations or fields after the statement; the whole command if there is no statement.
        value: offset of `:=`, the equations or the fields; None if there are none.
        form: syntax of the value.
        end: its end, without trailing blanks and comments.
        hole: whether the value of a theorem is `sorry` or `by sorry`.
    """

    keyword: str
    name: str
    line: int
    statement: str
    start: int
    at: int
    shift: int
    prefixes: tuple[tuple[int, int], ...]
    proof_start: int
    proof_end: int
    value: int | None
    form: Form
    end: int
    hole: bool

    @property
    def own_name(self) -> str | None:
        """Return the name in the file; None for an `example` and other anonymous commands."""
        return None if self.name == f"{self.keyword} of line {self.line}" else self.name

    @property
    def is_theorem(self) -> bool:
        """Whether it is a theorem or `example`, with or without a valid statement."""
        return self.keyword in _THEOREMS

    @property
    def passing(self) -> bool:
        """Whether later commands cannot depend on it."""
        return _PASSING.match(self.keyword) is not None

    @property
    def writes_programs(self) -> bool:
        """Whether a `sorry` in it is syntax that it defines, and not a hole."""
        return (self.passing and not self.is_theorem) or self.keyword in _WITH_TEXT_OF_PROGRAMS


def code_of(text: str) -> str:
    """Return `text` with comments blanked and strings and quoted names crossed out, at unchanged offsets."""
    pieces: list[str] = []
    at = 0
    for kind, token, start, end in tokenize(text):
        opaque = kind in ("string", "char") or "«" in token
        pieces += [_NO_BREAK.sub(" ", text[at:start]), _NO_BREAK.sub("_", token) if opaque else token]
        at = end
    return "".join([*pieces, _NO_BREAK.sub(" ", text[at:])])


def blank(text: str) -> str:
    """Replace every character except line feeds by a blank."""
    return _NO_BREAK.sub(" ", text)


def line_starts(text: str) -> list[int]:
    """Return the offset of the beginning of each line."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def commands(text: str, code: str, body: int) -> Iterator[Command]:
    """Return the commands of a file after the offset `body`; `code` is `code_of(text)`."""
    starts = line_starts(code)
    previous = body
    for first, at, prefixes, end in _spans(code, body):
        end = _before_blanks(code, at, end)
        yield _command(text, code, starts, _before_blanks(code, previous, first), at, prefixes, end)
        previous = end


def _spans(code: str, body: int) -> Iterator[tuple[int, int, list[tuple[int, int]], int]]:
    """Yield for each command the beginning of its modifiers and prefixes, its keyword's offset, its prefixes, and the
    beginning of the next one.
    """
    heads = [_own(code, match) for match in _COMMAND.finditer(code, body)]
    number = 0
    while number < len(heads):
        first, prefixes = heads[number], list[tuple[int, int]]()
        first = _before_modifiers(code, max(body, heads[number - 1] + 1 if number else body), first)
        # Prefixes of a command are a part of it.
        while number + 1 < len(heads):
            piece = code[heads[number] : heads[number + 1]]
            if len(piece) <= _LONGEST_PREFIX and _PREFIX_IN.match(piece):
                prefixes.append((heads[number], heads[number] + len(piece.rstrip()) - 2))
            elif not _ONLY_MODIFIERS.match(piece):
                break
            number += 1
        at = _keyword(code, heads[number])
        if _word(code, at) == "mutual":
            number = _closing_end(code, heads, number)
        number += 1
        while number < len(heads) and re.match(
            r"deriving\b(?!\s+(?:noncomputable\s+)?instance\b)", code[heads[number] :][:60]
        ):
            number += 1
        end = heads[number] if number < len(heads) else len(code)
        if number < len(heads):
            end = _before_modifiers(code, at + 1, end)
        yield first, at, prefixes, end


def _own(code: str, match: re.Match[str]) -> int:
    return match.end() - len(match[0].lstrip())


def _keyword(code: str, head: int) -> int:
    """Return the offset of the keyword after the command's modifiers."""
    match = _LEADING_MODIFIERS.match(code, head)
    at = match.end() if match else head
    return at if at < len(code) else head


def _word(code: str, at: int) -> str:
    match = _KEYWORD.match(code, at)
    return match["word"] if match else code[at : at + 1]


def _closing_end(code: str, heads: list[int], number: int) -> int:
    """Return the number of the `end` of a `mutual`; the last command if it is not closed."""
    depth = 0
    for inner in range(number, len(heads)):
        word = _word(code, _keyword(code, heads[inner]))
        depth += word in ("mutual", "namespace", "section")
        depth -= word == "end"
        if depth == 0:
            return inner
    return len(heads) - 1


def _command(
    text: str, code: str, starts: list[int], start: int, at: int, prefixes: list[tuple[int, int]], end: int
) -> Command:
    word = _word(code, at)
    line = bisect_right(starts, at)
    behind = at + len(word)
    form, value = _value(code, behind, end) if word in _VALUED else (Form.NONE, None)
    name = _NAME.match(code, behind, end if value is None else value)
    named = name is not None and word not in ("example", "mutual") and name["name"] != ":="
    name_text = text[name.start("name") : name.end("name")].rstrip(".") if named and name else f"{word} of line {line}"
    statement, shift, proof_start, proof_end = "", 0, start, end
    if word in _THEOREMS and value is not None:
        opening = "theorem" if named else f"theorem leansieve_example_{line}"
        shift = len(opening) - len(word)
        stated = behind + len(code[behind:value].rstrip())
        statement = opening + text[behind:stated]
        proof_start = stated
        if form is Form.ASSIGNED:
            proof = code[value + 2 : end]
            proof_start = value + 2 + len(proof) - len(proof.lstrip())
        proof_end = max(proof_start, end)
    hole = bool(statement) and form is Form.ASSIGNED and _PURE_SORRY.fullmatch(code[proof_start:proof_end]) is not None
    return Command(
        word, name_text, line, statement, start, at, shift, tuple(prefixes), proof_start, proof_end, value, form, end, hole
    )  # fmt: skip


def _before_modifiers(code: str, floor: int, end: int) -> int:
    match = _MODIFIERS.search(code, max(floor, end - _LONGEST_PREFIX), end)
    return match.start() if match else end


def _before_blanks(code: str, floor: int, end: int) -> int:
    while end > floor and code[end - 1].isspace():
        end -= 1
    return end


def _value(code: str, at: int, end: int) -> tuple[Form, int | None]:
    """Return the offset and syntax of a declaration's value.

    A `:=` inside brackets, of a `let` or of a `have` belongs to the statement; so do the cases of a `match` or `fun`.
    """
    depth = bound = 0
    cases = False
    for match in _SPLIT.finditer(code, at, end):
        kind = match.lastgroup
        if kind == "opening":
            depth += 1
        elif kind == "closing":
            depth -= 1
        elif depth > 0:
            continue
        elif kind == "bind":
            bound += 1
        elif kind in ("match", "cases"):
            cases = True
        elif kind == "where":
            return Form.FIELDS, match.start()
        elif kind == "assign":
            if bound == 0:
                return Form.ASSIGNED, match.start()
            bound -= 1
        elif kind == "bar" and not cases:
            if _is_equation(code, match.end(), end):
                return Form.EQUATIONS, match.start()
            cases = True  # but not later ones before that `:=`
    return Form.NONE, None


def _is_equation(code: str, at: int, end: int) -> bool:
    """Whether a pattern and `=>` follow, as opposed to the rest of an absolute value."""
    depth = 0
    for match in _SPLIT.finditer(code, at, end):
        if match.lastgroup == "opening":
            depth += 1
        elif match.lastgroup == "closing":
            depth -= 1
        elif depth == 0 and match.lastgroup in ("arrow", "assign"):
            return match.lastgroup == "arrow"
    return False
