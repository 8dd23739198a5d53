"""What is to be proved: a statement, the header it stands under and the text before it."""

import hashlib
import re
from dataclasses import dataclass, field, replace

DEFAULT_IMPORTS = ("Init", "Std")
DEFAULT_PRELUDE = "set_option autoImplicit false"

_IMPORT = re.compile(r"import[ \t]+([\w.'!?]+)[ \t]*(?:--.*)?")
_MODULE = re.compile(r"[^\W\d][\w'!?]*(\.[^\W\d][\w'!?]*)*")


class HeaderError(ValueError):
    """The header's import lines cannot be read; the text says which line and why."""


@dataclass(frozen=True, slots=True)
class Header:
    """Imports plus a prelude of `open`, `set_option` and `universe` lines.

    Imports choose the Lean environment (and, embedded, the worker); the prelude is read per request by Lean's parser.
    """

    imports: tuple[str, ...] = DEFAULT_IMPORTS
    prelude: str = DEFAULT_PRELUDE

    @classmethod
    def parse(cls, text: str, default: tuple[str, ...] = DEFAULT_IMPORTS) -> "Header":
        """Split header lines into imports, which must come first, and the prelude.

        Blank lines and `--` comments between imports are dropped. No import line means the imports `default`.

        Raises:
            HeaderError: an import line names no well-formed module.
        """
        imports: list[str] = []
        lines = text.splitlines()
        for number, line in enumerate(lines, start=1):
            stripped = line.strip()
            if not stripped or stripped.startswith("--"):
                continue
            if not re.match(r"import\b", stripped):
                prelude = "\n".join(lines[number - 1 :]).strip()
                return cls(tuple(dict.fromkeys(imports)) or default, prelude)
            match = _IMPORT.fullmatch(stripped)
            if match is None or not _MODULE.fullmatch(match[1]):
                raise HeaderError(f"header line {number}: expected `import Module.Name`, found {stripped[:80]!r}")
            imports.append(match[1])
        return cls(tuple(dict.fromkeys(imports)) or default, "")

    @classmethod
    def of_project(cls, text: str) -> "Header":
        """The header of a theorem in a named project: without import lines, the project decides what is imported.

        Raises:
            HeaderError: see `parse`.
        """
        return cls.parse(text, ())

    @property
    def text(self) -> str:
        """The header as Lean source."""
        lines = [f"import {module}" for module in self.imports]
        return "\n".join([*lines, self.prelude]) if self.prelude else "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Theorem:
    """A theorem to prove.

    Attributes:
        statement: `theorem NAME binders : goal`, without `:=`.
        header: imports and the prelude.
        context: Lean source that stands before the statement (definitions, variables, namespaces); may be empty.
        project: name of the configured Lean project whose imports it stands under; empty: the default one.
    """

    statement: str
    header: Header = field(default_factory=Header)
    context: str = ""
    project: str = ""

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over all of it: how logs and caches name a theorem without showing it."""
        # One of the default project keeps the digest that it had before there were others.
        parts = (self.header.text, self.context, self.statement, *filter(None, (self.project,)))
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def within(self, project: str) -> "Theorem":
        """The theorem in that project, unless it names one itself or `project` is empty."""
        if not project or self.project:
            return self
        header = Header.of_project("") if self.header == Header() else self.header
        return replace(self, header=header, project=project)
