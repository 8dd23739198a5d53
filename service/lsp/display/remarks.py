"""What an editor shows within its documents: hints, until the text changes; remarks on statements, as long as nothing up to their end does."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from prover.assistance.fill import Hole
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
    """Something said of a statement.

    Attributes:
        start, end: offsets of what it is about.
        until: where the statement ends.
        said: one sentence.
        severity: how much it matters.
        unused: editors fade what it is about.
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
    """What is shown in the documents of one editor."""

    def __init__(self, server: LanguageServer) -> None:
        """Nothing is shown yet."""
        self._server = server
        self._documents: dict[str, _Document] = {}

    def hinted(self, uri: str) -> bool:
        """Whether a hint is shown."""
        return uri in self._documents and bool(self._documents[uri].hints)

    def remarked(self, uri: str) -> bool:
        """Whether a remark is shown."""
        return uri in self._documents and bool(self._documents[uri].remarks)

    def hint(self, uri: str, place: types.Range, texts: Iterable[str]) -> None:
        """Show a hint in place of the one before it."""
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
        """Show remarks on statements of `text` in place of those before on the same; only what holds of the document as it is now."""
        document = self._document(uri)
        kept = [one for one in document.remarks if one.until not in {new.until for new in remarks}]
        new = [one for one in remarks if document.text[: one.until] == text[: one.until]]
        if kept + new != document.remarks:
            document.remarks = (kept + new)[-_MOST:]
            self._publish(uri, document)

    def changed(self, uri: str) -> None:
        """Show no more than what still holds of a document that has changed."""
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
        """Show nothing any more for a document."""
        document = self._documents.pop(uri, None)
        if document is not None and (document.hints or document.remarks):
            self._server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def _document(self, uri: str) -> _Document:
        """What is shown in a document, with its text as it is now."""
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
    """Remarks with what is odd about the statement of a theorem of a file."""
    return [_of_note(file, item, note) for note in notes]


def of_refutation(file: LeanFile, item: Command, hole: Hole | None, found: Refutation) -> Remark:
    """A remark that a theorem is false, or the goal at a `sorry` within its proof."""
    severity = types.DiagnosticSeverity.Warning
    if hole is None:
        return Remark(*_named(file, item), statement_end(item), refuted(found), severity)
    return Remark(hole.start, hole.end, hole.end, f"the goal here is {refuted(found)}", severity)


def statement_end(item: Command) -> int:
    """Where the statement of a theorem ends in its file."""
    return item.end if item.value is None else item.value


def _of_note(file: LeanFile, item: Command, note: StatementNote) -> Remark:
    if note.kind is NoteKind.UNUSED:
        place = _first(file, item, note.names[:1]) or _named(file, item)
        return Remark(*place, statement_end(item), note.text, unused=True)
    return Remark(*_named(file, item), statement_end(item), note.text)


def _named(file: LeanFile, item: Command) -> tuple[int, int]:
    """Where the name of a theorem is, or its keyword."""
    name = [item.own_name] if item.own_name else []
    return _first(file, item, name) or (item.at, item.at + len(item.keyword))


def _first(file: LeanFile, item: Command, names: Sequence[str]) -> tuple[int, int] | None:
    """Where one of some names is first in a statement."""
    statement = file.text[item.at : statement_end(item)]
    found = (token for token in tokenize(statement) if token.text in names)
    return next(((item.at + token.start, item.at + token.end) for token in found), None)
