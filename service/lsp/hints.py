"""Hints for the learner at one editor: one level more on each call, shown as a diagnostic until it is dismissed or the text changes."""

from collections import OrderedDict
from dataclasses import dataclass, field

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from prover.assistance import fill
from prover.errors import UserError
from prover.options import SearchOptions
from prover.requests import Service
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.tutor.hints import GivenHint, Tutored, Tutoring
from prover.verdict import Mode
from service.core.limits.text import printable
from service.lsp import sites

_MOST_SECONDS = 60.0  # servers reject more by default
_MOST_THEOREMS = 64
_MOST_HINTS = 64


@dataclass(slots=True)
class Hints:
    """What was hinted in this editor's session, by document and theorem; it ends with the session."""

    given: "OrderedDict[tuple[str, str], list[GivenHint]]" = field(default_factory=OrderedDict)
    shown: set[str] = field(default_factory=set)

    async def ask(self, service: Service, uri: str, file: LeanFile, at: int, options: SearchOptions) -> Tutored:
        """One hint more for the proof around an offset.

        Raises:
            UserError: no hint can be given there; else as `Service.hint`.
        """
        item = _around(file, at)
        theorem = file.theorem(item)
        earlier = self.given.setdefault((uri, theorem.digest), [])
        self.given.move_to_end((uri, theorem.digest))
        while len(self.given) > _MOST_THEOREMS:
            self.given.popitem(last=False)
        proof = "" if item.hole else file.candidate(item).text
        seconds = min(options.budget.seconds, _MOST_SECONDS)
        found = await service.hint(Tutoring(theorem, proof, tuple(earlier), seconds=seconds, check=options.check))
        if found.hint is not None:
            earlier.append(GivenHint(found.hint.level, found.hint.step))
            del earlier[:-_MOST_HINTS]
        return found

    def show(self, server: LanguageServer, uri: str, version: int, place: types.Range, found: Tutored) -> None:
        """Show an answer, and before it what Lean refuses, in place of what was shown for the document."""
        texts = [found.sentence]
        if found.refused is not None:
            why = found.refused.reason.partition("\n")[0]
            texts.insert(0, f"The proof cannot go on with `{found.refused.text}`: {why}")
        shown = [
            types.Diagnostic(
                place,
                "\n".join(map(printable, text.split("\n"))),
                types.DiagnosticSeverity.Information,
                source="leansieve hint",
            )
            for text in texts
        ]
        self.shown.add(uri)
        server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, shown, version))

    def clear(self, server: LanguageServer, uri: str) -> None:
        """Show nothing any more for a document; what was given is known on."""
        if uri in self.shown:
            self.shown.discard(uri)
            server.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, []))

    def forget(self, server: LanguageServer, uri: str) -> None:
        """As if nothing had been given for a document."""
        self.clear(server, uri)
        for key in [key for key in self.given if key[0] == uri]:
            del self.given[key]


def _around(file: LeanFile, at: int) -> Command:
    """The theorem whose proof an offset is in."""
    holes = [hole for hole in fill.holes(file) if hole.start <= at <= hole.end]
    item = holes[0].item if holes else sites.around(file, at)
    if item is None:
        raise UserError("no theorem's proof stands there")
    if not item.hole and (not item.statement or file.candidate(item).mode is not Mode.PROOF):
        raise UserError("hints are given for theorems whose proof follows `:=`")
    if holes and file.sorries(item) and holes[0].start > file.sorries(item)[0][0]:
        raise UserError("a hint goes on from the first place of the proof that is open: ask there")
    return item
