"""`.lean` files: the theorems in them, what stands before each, and where a proof goes.

A scanner, not Lean's parser: it knows comments, strings, brackets and the words that begin a command. What it can
read: `theorem`, `lemma` and `example` with a proof after `:=`, everything else being context. What it leaves alone and
reports: a `sorry` inside a longer proof or in a definition. A wrong guess costs a proof that is not found, never a
wrong one, since Lean judges each theorem with the context that was cut here.
"""

import itertools
import os
import re
import tempfile
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from prover.lexer import tokenize
from prover.theorem import Header, HeaderError, Theorem
from prover.verdict import Message, Region
from service.errors import UserError

LONGEST = 4 << 20
"""Largest file read, in bytes."""

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
_SORRY = re.compile(r"(?<![\w.'])sorry(?![\w'])")
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


@dataclass(frozen=True, slots=True)
class LeanFile:
    """A file as read.

    Attributes:
        text: the whole of it, lines ended by a line feed.
        header: its imports, `Init` among them as Lean has it, and no prelude: opens and options are context.
        body: offset where the context begins, behind the imports.
        theorems: in the order of the file.
        unfilled: lines of every `sorry` that is no theorem's whole proof.
    """

    text: str
    header: Header
    body: int
    theorems: tuple[FileTheorem, ...]
    unfilled: tuple[int, ...]

    def theorem(self, item: FileTheorem) -> Theorem:
        """The theorem with everything that stands before it as context, `open … in` having become `open …`."""
        context = self.text[self.body : item.start]
        for at in item.prefixes:
            context = f"{context[: at - self.body]}  {context[at - self.body + 2 :]}"
        return Theorem(item.statement, self.header, context)

    def proof(self, item: FileTheorem) -> str:
        """What follows `:=`."""
        return self.text[item.proof_start : item.proof_end]

    def filled(self, item: FileTheorem, proof: str) -> "LeanFile":
        """The file with this proof of `item`."""
        return parse(self.text[: item.proof_start] + proof.strip() + self.text[item.proof_end :])

    def position(self, item: FileTheorem, message: Message) -> tuple[int, int]:
        """Line (from 1) and column (from 0) in this file of a message about `item`."""
        start = {
            Region.HEADER: 0,
            Region.CONTEXT: self.body,
            Region.STATEMENT: item.keyword,
            Region.CANDIDATE: item.proof_start,
        }[message.region]
        line, column = line_and_column(self.text, start)
        if message.line > 1:
            return line + message.line - 1, message.column
        shift = item.shift if message.region is Region.STATEMENT else 0
        return line, column + max(0, message.column - shift)


def read(path: Path) -> LeanFile:
    """Read a file.

    Raises:
        UserError: it cannot be read, is too large or empty, is not UTF-8, or its imports cannot be read.
    """
    try:
        if path.stat().st_size > LONGEST:
            raise UserError(f"{path} is larger than {LONGEST:,} bytes")
        source = path.read_bytes()
        text = source.decode()
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}:{line}: byte {source[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if not text.strip():
        raise UserError(f"{path} is empty")
    try:
        return parse(text.replace("\r\n", "\n"))
    except HeaderError as error:
        raise UserError(f"{path}: {error}") from None


def write(path: Path, text: str) -> None:
    """Replace the file at once and whole, keeping its line ends and mode; if anything fails it stays as it was.

    Raises:
        UserError: it cannot be written.
    """
    try:
        newline = "\r\n" if b"\r\n" in path.read_bytes() else "\n"
        target = path.resolve()
        with tempfile.NamedTemporaryFile("wb", dir=target.parent, prefix=f".{target.name}.", delete=False) as staged:
            try:
                staged.write(text.replace("\n", newline).encode())
                staged.flush()
                os.fsync(staged.fileno())
                os.chmod(staged.name, target.stat().st_mode)
                os.replace(staged.name, target)
            except BaseException:
                os.unlink(staged.name)
                raise
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; it was left as it was") from None


def parse(text: str) -> LeanFile:
    """Find the theorems of a file.

    Raises:
        HeaderError: its import lines cannot be read.
    """
    code = _code(text)
    header, body = _imports(code)
    theorems = tuple(_theorems(text, code, body))
    line_starts = _line_starts(code)
    filled = {item.proof_end for item in theorems if item.hole}
    sorries = [match for match in _SORRY.finditer(code) if match.end() not in filled]
    return LeanFile(text, header, body, theorems, tuple(bisect_right(line_starts, match.start()) for match in sorries))


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line, from 1, and column, from 0."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1)


def indentation(text: str, offset: int) -> int:
    """How many blanks the line of `offset` begins with."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return len(line) - len(line.lstrip(" "))


def sorries(text: str) -> list[tuple[int, int]]:
    """Where each `sorry` begins and ends, those in comments and strings left out."""
    return [match.span() for match in _SORRY.finditer(_code(text))]


def _code(text: str) -> str:
    """`text` with comments blanked and strings and quoted names crossed out, at unchanged offsets."""
    pieces: list[str] = []
    at = 0
    for kind, token, start, end in tokenize(text):
        opaque = kind in ("string", "char") or "«" in token
        pieces += [_NO_BREAK.sub(" ", text[at:start]), _NO_BREAK.sub("_", token) if opaque else token]
        at = end
    return "".join([*pieces, _NO_BREAK.sub(" ", text[at:])])


def _line_starts(text: str) -> list[int]:
    return [0, *(match.end() for match in re.finditer("\n", text))]


def _imports(code: str) -> tuple[Header, int]:
    """The imports at the top and the offset behind them."""
    at = 0
    lines: list[str] = []
    for line in code.splitlines(keepends=True):
        if line.strip() and not re.match(r"\s*import\b", line):
            if re.match(r"\s*(?:module|prelude|public\s+import|meta\s+import)\b", line):
                raise HeaderError(f"header line {len(lines) + 1}: only files with plain `import` lines can be read")
            break
        lines.append(line)
        at += len(line)
    imports = Header.parse("".join(lines)).imports if any(line.strip() for line in lines) else ()
    # Lean itself imports `Init` into every file and nothing else that is not named.
    return Header(tuple(dict.fromkeys(("Init", *imports))), ""), at


def _theorems(text: str, code: str, body: int) -> Iterator[FileTheorem]:
    matches = list(_THEOREM.finditer(code, body))
    line_starts = _line_starts(code)
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
        line = bisect_right(line_starts, match.start())
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
