"""Text shown within documents: hints until the text changes; remarks on a statement until the text up to its end
changes.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from prover.assistance.holes import Hole
from prover.events import NoteKind, Refutation, StatementNote
from prover.source.lean_file import LeanFile
from prover.source.lexer import tokenize
from prover.source.scanner import Command
from service.core.endings import refuted
from service.core.limits.text import printable
from service.lsp import positions

_MOST = 64  # remarks on a document


@dataclass(frozen=True, slots=True)
class Remark:
    """A remark on a statement.

    Attributes:
        start, end: offsets of the part concerned.
        until: end of the statement.
        said: one sentence.
        severity: its importance.
        unused: whether editors fade the part.
    """

    start: int
    end: int
    until: int
    said: str
    severity: types.DiagnosticSeverity = types.DiagnosticSeverity.Information
    unused: bool = False


@dataclass(slots=True)
class _Document:
    text: str = ""
    version: int = 0
    hints: list[types.Diagnostic] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


class Remarks:
    """Hints and remarks shown in the documents of one editor."""

    def __init__(self, server: LanguageServer) -> None:
        """Create an empty display."""
        self._server = server
        self._documents: dict[str, _Document] = {}

    def hinted(self, uri: str) -> bool:
        """Whether a hint is shown."""
        return uri in self._documents and bool(self._documents[uri].hints)

    def remarked(self, uri: str) -> bool:
        """Whether a remark is shown."""
        return uri in self._documents and bool(self._documents[uri].remarks)

    def hint(self, uri: str, place: types.Range, texts: Iterable[str]) -> None:
        """Show a hint and remove the previous one."""
        document = self._document(uri)
        document.hints = [
            types.Diagnostic(
                place,
                "\n".join(map(printable, text.split("\n"))),
                types.DiagnosticSeverity.Information,
                source="leansieve hint",
            )
            for text in texts
        ]
        self._publish(uri, document)

    def remark(self, uri: str, text: str, remarks: Sequence[Remark]) -> None:
        """Show remarks on statements of `text` in place of earlier ones on the same statements; only those still valid
        for the current document.
        """
        document = self._document(uri)
        unchanged = [one for one in document.remarks if one.until not in {new.until for new in remarks}]
        new = [one for one in remarks if document.text[: one.until] == text[: one.until]]
        if unchanged + new != document.remarks:
            document.remarks = (unchanged + new)[-_MOST:]
            self._publish(uri, document)

    def changed(self, uri: str) -> None:
        """Remove what is no longer valid after a change of a document."""
        was = self._documents.get(uri)
        if was is None:
            return
        shown, text = bool(was.hints or was.remarks), was.text
        document = self._document(uri)
        document.hints = []
        document.remarks = [one for one in document.remarks if document.text[: one.until] == text[: one.until]]
        if shown:
            self._publish(uri, document)

    def forget(self, uri: str) -> None:
        """Remove everything shown for a document."""
        document = self._documents.pop(uri, None)
        if document is not None and (document.hints or document.remarks):
            self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def _document(self, uri: str) -> _Document:
        """Return what is shown in a document with its current text."""
        now = self._server.workspace.get_text_document(uri)
        document = self._documents.setdefault(uri, _Document())
        document.text, document.version = positions.lean_text(now.source), now.version or 0
        return document

    def _publish(self, uri: str, document: _Document) -> None:
        remarks = [self._diagnostic(document.text, one) for one in document.remarks]
        shown = types.PublishDiagnosticsParams(uri, [*document.hints, *remarks], document.version)
        self._server.text_document_publish_diagnostics(shown)

    def _diagnostic(self, text: str, remark: Remark) -> types.Diagnostic:
        place = positions.place(text, remark.start, remark.end, self._server.workspace.position_codec)
        tags = [types.DiagnosticTag.Unnecessary] if remark.unused else None
        return types.Diagnostic(place, printable(remark.said), remark.severity, source="leansieve", tags=tags)


def of_notes(file: LeanFile, item: Command, notes: Iterable[StatementNote]) -> list[Remark]:
    """Convert notes on the statement of a file's theorem to remarks."""
    return [_of_note(file, item, note) for note in notes]


def of_refutation(file: LeanFile, item: Command, hole: Hole | None, found: Refutation) -> Remark:
    """Return a remark that a theorem is false, or the goal at a `sorry` in its proof."""
    severity = types.DiagnosticSeverity.Warning
    if hole is None:
        return Remark(*_named(file, item), statement_end(item), refuted(found), severity)
    return Remark(hole.start, hole.end, hole.end, f"the goal here is {refuted(found)}", severity)


def statement_end(item: Command) -> int:
    """Return the end of a theorem's statement in its file."""
    return item.end if item.value is None else item.value


def _of_note(file: LeanFile, item: Command, note: StatementNote) -> Remark:
    if note.kind is NoteKind.UNUSED:
        place = _first(file, item, note.names[:1]) or _named(file, item)
        return Remark(*place, statement_end(item), note.text, unused=True)
    return Remark(*_named(file, item), statement_end(item), note.text)


def _named(file: LeanFile, item: Command) -> tuple[int, int]:
    """Return the range of a theorem's name, or of its keyword."""
    name = [item.own_name] if item.own_name else []
    return _first(file, item, name) or (item.at, item.at + len(item.keyword))


def _first(file: LeanFile, item: Command, names: Sequence[str]) -> tuple[int, int] | None:
    """Return the range of the first occurrence of some names in a statement."""
    statement = file.text[item.at : statement_end(item)]
    found = (token for token in tokenize(statement) if token.text in names)
    return next(((item.at + token.start, item.at + token.end) for token in found), None)
