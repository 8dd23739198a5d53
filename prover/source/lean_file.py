"""`.lean` files: the theorems in them, what stands before each, and where a proof goes.

What is read: `theorem`, `lemma` and `example` with a proof after `:=`; everything else is context. A `sorry` that is no
theorem's whole proof, as inside a longer proof or in a definition, is reported in `LeanFile.unfilled`.
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, replace
from pathlib import Path

from prover.atomic import atomic_write
from prover.errors import UserError
from prover.source import scanner
from prover.source.scanner import FileTheorem
from prover.theorem import Header, HeaderError, Theorem
from prover.verdict import Message, Region

LONGEST = 4 << 20
"""Largest file read, in bytes."""

_SORRY = re.compile(r"(?<![\w.'])sorry(?![\w'])")


@dataclass(frozen=True, slots=True)
class LeanFile:
    """A file as read.

    Attributes:
        text: the whole of it, lines ended by a line feed.
        header: its imports, `Init` among them as Lean has it, and no prelude: opens and options are context.
        body: offset where the context begins, behind the imports.
        theorems: in the order of the file.
        unfilled: lines of every `sorry` that is no theorem's whole proof.
        project: the Lake project whose Lean checks it, by the name that requests use; empty for the default Lean.
    """

    text: str
    header: Header
    body: int
    theorems: tuple[FileTheorem, ...]
    unfilled: tuple[int, ...]
    project: str = ""

    def theorem(self, item: FileTheorem) -> Theorem:
        """The theorem with everything that stands before it as context, `open … in` having become `open …`."""
        context = self.text[self.body : item.start]
        for at in item.prefixes:
            context = f"{context[: at - self.body]}  {context[at - self.body + 2 :]}"
        return Theorem(item.statement, self.header, context, self.project)

    def proof(self, item: FileTheorem) -> str:
        """What follows `:=`."""
        return self.text[item.proof_start : item.proof_end]

    def filled(self, item: FileTheorem, proof: str) -> "LeanFile":
        """The file with this proof of `item`."""
        text = self.text[: item.proof_start] + proof.strip() + self.text[item.proof_end :]
        return replace(parse(text), project=self.project)

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
        with atomic_write(path.resolve(), lasting=True) as stream:
            stream.write(text.replace("\n", newline).encode())
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; it was left as it was") from None


def parse(text: str) -> LeanFile:
    """Find the theorems of a file.

    Raises:
        HeaderError: its import lines cannot be read.
    """
    code = scanner.code_of(text)
    header, body = _imports(code)
    theorems = tuple(scanner.theorems(text, code, body))
    starts = scanner.line_starts(code)
    filled = {item.proof_end for item in theorems if item.hole}
    sorries = [match for match in _SORRY.finditer(code) if match.end() not in filled]
    return LeanFile(text, header, body, theorems, tuple(bisect_right(starts, match.start()) for match in sorries))


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Line, from 1, and column, from 0."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1)


def indentation(text: str, offset: int) -> int:
    """How many blanks the line of `offset` begins with."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return len(line) - len(line.lstrip(" "))


def sorries(text: str) -> list[tuple[int, int]]:
    """Where each `sorry` begins and ends, those in comments and strings left out."""
    return [match.span() for match in _SORRY.finditer(scanner.code_of(text))]


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
