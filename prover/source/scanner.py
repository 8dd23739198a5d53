"""A scanner for Lean, not its parser: it knows comments, strings, brackets and the words that begin a command.

A wrong guess costs a proof that is not found, never a wrong one, since Lean judges each theorem with the context that
was cut here.
"""

import itertools
import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from prover.source.lexer import tokenize

_NO_BREAK = re.compile(r"[^\n]")
_THEOREM = re.compile(r"(?<![\w.'`])(?P<keyword>theorem|lemma|example)(?![\w'.])")
_NAME = re.compile(r"\s+([^\s:({\[⦃]+)")
# The bound keeps hostile files from taking quadratic time.
_MODIFIERS = re.compile(r"(?:(?:@\[[^\]]{0,300}\]|\b(?:private|protected|public|noncomputable|nonrec)\b)\s*)*\Z")
_PREFIX_IN = re.compile(
    r"^[ \t]*(?:open|set_option|variable|include|omit|attribute|universe)\b[^\n]*\bin\Z", re.MULTILINE
)
# Reserved words, which no proof can hold, at any indentation; the others only where a line begins.
_COMMAND = re.compile(
    r"""^[ \t]*(?:namespace|section|end|def|abbrev|instance|structure|class|inductive|opaque|axiom|variable|universe|mutual
    |private|protected|noncomputable|macro|macro_rules|syntax|notation|elab|elab_rules|attribute)\b
    | ^(?:@\[ | \# | (?:public|unsafe|partial|nonrec|scoped|local|meta|coinductive|open|export|set_option|infix|infixl|infixr
    |prefix|postfix|deriving|import|initialize|include|omit|add_decl_doc|run_cmd|run_meta)\b)""",
    re.VERBOSE | re.MULTILINE,
)
_ASSIGN = re.compile(r"[(\[{⦃⟨]|[)\]}⦄⟩]|:=|^[ \t]*\||\bwhere\b", re.MULTILINE)
_PURE_SORRY = re.compile(r"(?:by\b\s*)?sorry")


@dataclass(frozen=True, slots=True)
class FileTheorem:
    """One theorem of a file. Offsets count characters of `LeanFile.text`.

    Attributes:
        name: as written, or `example` and its line.
        line: line of the keyword, from 1.
        statement: `theorem NAME binders : goal`, whatever the keyword was; attributes and modifiers are left out.
        start: where what stands before it ends; comments and modifiers of its own follow.
        keyword: where the statement begins.
        shift: how much longer the statement's first line became because its keyword was replaced.
        prefixes: where the `in` of each `open … in` or `set_option … in` before it stands.
        proof_start, proof_end: the text after `:=`, without the blanks around it.
        hole: whether that text is `sorry` or `by sorry`.
    """

    name: str
    line: int
    statement: str
    start: int
    keyword: int
    shift: int
    prefixes: tuple[int, ...]
    proof_start: int
    proof_end: int
    hole: bool


def code_of(text: str) -> str:
    """`text` with comments blanked and strings and quoted names crossed out, at unchanged offsets."""
    pieces: list[str] = []
    at = 0
    for kind, token, start, end in tokenize(text):
        opaque = kind in ("string", "char") or "«" in token
        pieces += [_NO_BREAK.sub(" ", text[at:start]), _NO_BREAK.sub("_", token) if opaque else token]
        at = end
    return "".join([*pieces, _NO_BREAK.sub(" ", text[at:])])


def line_starts(text: str) -> list[int]:
    """The offset at which each line begins."""
    return [0, *(match.end() for match in re.finditer("\n", text))]


def theorems(text: str, code: str, body: int) -> Iterator[FileTheorem]:
    """The theorems of a file behind the offset `body`; `code` is `code_of(text)`."""
    matches = list(_THEOREM.finditer(code, body))
    starts = line_starts(code)
    previous = body
    for match, following in itertools.zip_longest(matches, matches[1:]):
        command = _COMMAND.search(code, match.end(), following.start() if following else len(code))
        end = command.start() if command else following.start() if following else len(code)
        if command is None and following:
            end = _before_modifiers(code, match.end(), end)
        assign = _assign(code, match.end(), end)
        floor, previous = previous, end
        if assign is None:
            continue
        start = _before_blanks(code, body, _before_modifiers(code, floor, match.start()))
        line = bisect_right(starts, match.start())
        name = _NAME.match(code, match.end(), assign)
        if match["keyword"] == "example" or name is None:
            name_text, opening = f"example of line {line}", f"theorem leansieve_example_{line}"
        else:
            name_text, opening = text[name.start(1) : name.end(1)].rstrip("."), "theorem"
        proof = code[assign + 2 : end]
        proof_start = assign + 2 + len(proof) - len(proof.lstrip())
        yield FileTheorem(
            name=name_text,
            line=line,
            statement=opening + text[match.end() : match.end() + len(code[match.end() : assign].rstrip())],
            start=start,
            keyword=match.start(),
            shift=len(opening) - len(match["keyword"]),
            prefixes=tuple(_prefixes(code, body, start)),
            proof_start=proof_start,
            proof_end=max(proof_start, assign + 2 + len(proof.rstrip())),
            hole=_PURE_SORRY.fullmatch(proof.strip()) is not None,
        )


def commands(text: str) -> list[str]:
    """The commands of a text, each with the comments in front of it; without what stands before the first."""
    code = code_of(text)
    found = {match.start() for pattern in (_COMMAND, _THEOREM) for match in pattern.finditer(code)}
    starts = sorted({_before_blanks(code, 0, _before_modifiers(code, 0, start)) for start in found})
    return [text[start:end].strip() for start, end in itertools.pairwise([*starts, len(text)])]


def _before_modifiers(code: str, floor: int, end: int) -> int:
    match = _MODIFIERS.search(code, floor, end)
    return match.start() if match else end


def _before_blanks(code: str, floor: int, end: int) -> int:
    while end > floor and code[end - 1].isspace():
        end -= 1
    return end


def _prefixes(code: str, floor: int, end: int) -> Iterator[int]:
    """Where the `in` of each `open … in` that ends just before `end` stands."""
    while True:
        line = max(floor, code.rfind("\n", floor, end) + 1)
        if _PREFIX_IN.match(code, line, end) is None:
            return
        yield end - 2
        end = _before_blanks(code, floor, line)


def _assign(code: str, at: int, end: int) -> int | None:
    """Offset of the first `:=` outside brackets; None if `where` or equations (`| pattern =>`) come first."""
    depth = 0
    for match in _ASSIGN.finditer(code, at, end):
        if match[0] in "([{⦃⟨":
            depth += 1
        elif match[0] in ")]}⦄⟩":
            depth -= 1
        elif depth == 0:
            return match.start() if match[0] == ":=" else None
    return None
