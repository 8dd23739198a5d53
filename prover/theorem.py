"""The theorem to prove: a statement, its header and the source text before it."""

import hashlib
import re
from dataclasses import dataclass, field, replace

DEFAULT_IMPORTS = ("Init", "Std")
DEFAULT_PRELUDE = "set_option autoImplicit false"

_WORD = re.compile(r"[\w.'!?]+")
_MODULE = re.compile(r"[^\W\d][\w'!?]*(\.[^\W\d][\w'!?]*)*")


class HeaderError(ValueError):
    """The header's imports cannot be parsed; the text names the line and the reason."""


@dataclass(frozen=True, slots=True)
class Header:
    """Imports plus a prelude of `open`, `set_option` and `universe` lines.

    Imports choose the Lean environment (and, embedded, the worker); Lean's parser reads the prelude with each request.
    """

    imports: tuple[str, ...] = DEFAULT_IMPORTS
    prelude: str = DEFAULT_PRELUDE
    source: str = field(default="", compare=False, repr=False)
    """The source text of the header; empty if it was built otherwise."""
    before: int = field(default=0, compare=False, repr=False)
    """Number of source lines above the prelude."""

    @classmethod
    def parse(cls, text: str, default: tuple[str, ...] = DEFAULT_IMPORTS) -> "Header":
        """Split header lines into imports, which must come first, and the prelude.

        All of Lean's header syntax is accepted. `module`, `prelude`, `public`, `meta` and `all` only affect visibility
        in other modules and are ignored; comments are skipped. Without imports, `default` is used.

        Raises:
            HeaderError: an import has no well-formed module name, or a comment is not closed.
        """
        imports, at = _imports(text)
        prelude = text[at:]
        start = at + len(prelude) - len(prelude.lstrip())
        return cls(tuple(dict.fromkeys(imports)) or default, prelude.strip(), text, text.count("\n", 0, start))

    @classmethod
    def of_project(cls, text: str) -> "Header":
        """Parse the header of a theorem in a named project; without import lines, the project determines the imports.

        Raises:
            HeaderError: see `parse`.
        """
        return cls.parse(text, ())

    @property
    def text(self) -> str:
        """Return the header as Lean source."""
        lines = [f"import {module}" for module in self.imports]
        return "\n".join([*lines, self.prelude]) if self.prelude else "\n".join(lines)


def _imports(text: str) -> tuple[list[str], int]:
    """Return the imported modules, and the position where the rest of the header begins."""
    imports: list[str] = []
    end = at = 0
    wanted = False  # a module name must follow
    while (at := _behind_remarks(text, at)) < len(text):
        word = match[0] if (match := _WORD.match(text, at)) else text[at]
        if wanted and word != "all":
            if not _MODULE.fullmatch(word):
                number, shown = text.count("\n", 0, at) + 1, text[at:].split("\n")[0][:80]
                raise HeaderError(f"header line {number}: expected `import Module.Name`, found {shown!r}")
            imports.append(word)
            wanted, end = False, at + len(word)
        elif word == "import":
            wanted = True
        elif not wanted and not (word in ("public", "meta") or (not imports and word in ("module", "prelude"))):
            break
        at += len(word)
        if not wanted and word in ("module", "prelude"):
            end = at
    if wanted:
        raise HeaderError(f"header line {text.count(chr(10)) + 1}: expected `import Module.Name`, found nothing")
    return imports, _behind_remarks(text, end)


def _behind_remarks(text: str, at: int) -> int:
    """Return the first position from `at` on that is neither white space nor in a comment."""
    while at < len(text):
        if text[at].isspace():
            at += 1
        elif text.startswith("--", at):
            at = end if (end := text.find("\n", at)) >= 0 else len(text)
        elif text.startswith("/-", at) and not text.startswith("/--", at):
            at = _closed(text, at)
        else:
            break
    return at


def _closed(text: str, at: int) -> int:
    """Return the end of the comment that begins at `at`; comments nest."""
    depth, place = 0, at
    while True:
        opening, closing = text.find("/-", place), text.find("-/", place)
        if closing < 0:
            raise HeaderError(f"header line {text.count(chr(10), 0, at) + 1}: a remark is not closed")
        if 0 <= opening < closing:
            depth, place = depth + 1, opening + 2
        else:
            depth, place = depth - 1, closing + 2
        if not depth:
            return place


@dataclass(frozen=True, slots=True)
class Theorem:
    """A theorem to prove.

    Attributes:
        statement: `theorem NAME binders : goal`, without `:=`.
        header: imports and prelude.
        context: Lean source before the statement (definitions, variables, namespaces); may be empty.
        project: name of the configured Lean project that provides the imports; empty: the default project.
        shift: growth of the statement's first line since it was typed (`prover.source.typed`); not part of the theorem.
        suggested: names of library theorems for a model's prompt; not part of the theorem, and ignored in comparisons.
    """

    statement: str
    header: Header = field(default_factory=Header)
    context: str = ""
    project: str = ""
    shift: int = field(default=0, compare=False)
    suggested: tuple[str, ...] = field(default=(), compare=False)

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all fields: the identifier in logs and caches, which do not show the theorem."""
        # A theorem of the default project keeps the digest that it had before projects existed.
        parts = (self.header.text, self.context, self.statement, *filter(None, (self.project,)))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def within(self, project: str) -> "Theorem":
        """Return the theorem in that project, unless it names a project already or `project` is empty."""
        if not project or self.project:
            return self
        header = Header.of_project("") if self.header == Header() else self.header
        return replace(self, header=header, project=project)
