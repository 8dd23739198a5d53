"""The searches of one editor: each is a task with progress, which ends with an edit, or with a refusal because the text
changed.
"""

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

import structlog
from lsprotocol.types import (
    ApplyWorkspaceEditParams,
    ApplyWorkspaceEditResult,
    MessageActionItem,
    MessageType,
    OptionalVersionedTextDocumentIdentifier,
    Range,
    ShowMessageParams,
    ShowMessageRequestParams,
    TextDocumentEdit,
    TextEdit,
    WorkspaceEdit,
)
from pygls.exceptions import JsonRpcException
from pygls.lsp.server import LanguageServer

from prover.errors import UserError
from prover.options import SearchOptions
from prover.source.lean_file import LeanFile
from service.core.limits.text import printable
from service.lsp import positions, refuting, sites, work
from service.lsp.display import hints
from service.lsp.display.progress import WorkDone
from service.lsp.display.remarks import Remarks
from service.lsp.opened import Opened
from service.lsp.sites import Site

_log = structlog.get_logger(__name__)

_MOST_SEARCHES = 8
_LONGEST_TITLE = 60
_INSERT = "Insert the refutation below"
_CHANGED = "a proof was found, but the text has changed meanwhile; nothing was put in"


class _Refused(Exception):
    """No edit is made; the text gives the reason."""


@dataclass(frozen=True, slots=True)
class _Running:
    uri: str
    task: "asyncio.Task[None]"


class Searches:
    """The running searches of one editor."""

    def __init__(self, server: LanguageServer, opened: Opened, options: SearchOptions, project: str = "") -> None:
        """Search through `opened`; the documents belong to `project`."""
        self._server = server
        self._opened = opened
        self._options = options
        self._project = project
        self._running: list[_Running] = []
        self._hints = hints.Hints()
        self.remarks = Remarks(server)

    def running(self, uri: str) -> bool:
        """Whether a search for a document is running."""
        return any(one.uri == uri for one in self._running)

    def prove(self, uri: str, version: int, place: Range) -> None:
        """Start to fill the holes at a place of a document."""
        self._start(uri, self._prove(uri, version, place))

    def suggest(self, uri: str, version: int, place: Range) -> None:
        """Start to look for tactics for a place of a document."""
        self._start(uri, self._suggest(uri, version, place))

    def hint(self, uri: str, version: int, place: Range) -> None:
        """Start to look for the next hint for a place of a document."""
        self._start(uri, self._hint(uri, version, place))

    def disprove(self, uri: str, version: int, place: Range) -> None:
        """Start to look for a refutation of the theorem or goal at a place of a document."""
        self._start(uri, self._disprove(uri, version, place))

    def forget(self, uri: str) -> None:
        """Remove everything shown for a document, and restart its hints."""
        self._hints.forget(uri)
        self.remarks.forget(uri)

    def stop(self, uri: str | None = None) -> list["asyncio.Task[None]"]:
        """Cancel the searches for a document, or all."""
        tasks = [one.task for one in self._running if uri is None or one.uri == uri]
        for task in tasks:
            task.cancel()
        return tasks

    async def close(self) -> None:
        """Cancel all searches and wait for their end."""
        await asyncio.gather(*self.stop(), return_exceptions=True)

    def _start(self, uri: str, search: Coroutine[Any, Any, None]) -> None:
        if len(self._running) >= _MOST_SEARCHES:
            search.close()
            self._say(f"{_MOST_SEARCHES} searches are running; stop one, or wait for its end", MessageType.Warning)
            return
        running = _Running(uri, asyncio.create_task(self._guarded(search)))
        self._running.append(running)
        running.task.add_done_callback(lambda _: self._running.remove(running))

    async def _guarded(self, search: Coroutine[Any, Any, None]) -> None:
        try:
            await search
        except _Refused as refused:
            self._say(str(refused), MessageType.Warning)
        except UserError as error:
            self._say(str(error), MessageType.Error)
        except Exception:
            _log.exception("a search failed")
            self._say("an error within leansieve ended the search; its log says where", MessageType.Error)

    async def _prove(self, uri: str, version: int, place: Range) -> None:
        async with WorkDone(self._server, "leansieve: prove") as shown:
            with _reason_shown(shown):
                site = await self._site(uri, version, place, shown)
                became, noticed = await work.prove(await self._opened.service(), site, self._options, shown.report)
                if isinstance(became, work.WorkFailure):
                    self.remarks.remark(uri, noticed.text, noticed.remarks)
                    raise _Refused(became.why)
                declined = await self._apply(uri, site, became.text, "leansieve: prove")
                self.remarks.remark(uri, noticed.text, noticed.remarks)
                shown.end = declined or "proved"
            if became.left_open and not declined:
                shown.end = became.left_open
                self._say(became.left_open, MessageType.Warning)

    async def _suggest(self, uri: str, version: int, place: Range) -> None:
        async with WorkDone(self._server, "leansieve: suggest tactics") as shown:
            with _reason_shown(shown):
                site = await self._site(uri, version, place, shown)
                shown.report("trying tactics")
                choices = await work.suggest(await self._opened.service(), site, self._options)
                shown.end = f"{len(choices.closing)} close the goal, {len(choices.leading)} lead on"
        if not choices.closing:
            late = " within the time there was" if choices.timed_out else ""
            raise _Refused(f"no tactic closes the goal{late}{_leading(choices)}")
        by_title = {_title(number, tactic): edit for number, (tactic, edit) in enumerate(choices.closing, start=1)}
        chosen = await self._server.window_show_message_request_async(
            ShowMessageRequestParams(
                type=MessageType.Info,
                message="leansieve: these close the goal" + printable(_leading(choices)),
                actions=[MessageActionItem(title) for title in by_title],
            )
        )
        if chosen is not None and chosen.title in by_title:
            await self._apply(uri, site, by_title[chosen.title].text, "leansieve: suggest tactics")

    async def _hint(self, uri: str, version: int, place: Range) -> None:
        async with WorkDone(self._server, "leansieve: hint") as shown:
            with _reason_shown(shown):
                file, _, at = self._place(uri, version, place)
                shown.report("reading the proof")
                found = await self._hints.ask(await self._opened.service(), uri, file, at, self._options)
                if self._document(uri)[1] == version:
                    self.remarks.hint(uri, place, hints.sentences(found))
                shown.end = found.hint.level.value.replace("_", " ") if found.hint else found.sentence

    async def _disprove(self, uri: str, version: int, place: Range) -> None:
        async with WorkDone(self._server, "leansieve: disprove") as shown:
            with _reason_shown(shown):
                what = refuting.doubted(*self._place(uri, version, place))
                if what is None:
                    raise _Refused("no theorem and no single `sorry` is there")
                shown.report("starting Lean")
                service = await self._opened.service()
                doubt = await refuting.refute(service, what, self._options, shown.report)
                self.remarks.remark(uri, what.file.text, doubt.remarks)
                shown.end = doubt.said
        if doubt.refutation is None or what.hole is not None:
            self._say(doubt.said, MessageType.Info)
            return
        chosen = await self._server.window_show_message_request_async(
            ShowMessageRequestParams(
                type=MessageType.Info,
                message=f"leansieve: {printable(doubt.said)}",
                actions=[MessageActionItem(_INSERT)],
            )
        )
        if chosen is not None and chosen.title == _INSERT:
            site, text = await refuting.below(service, what, doubt.refutation, self._options)
            if declined := await self._apply(uri, site, text, "leansieve: disprove"):
                self._say(declined, MessageType.Info)

    def _place(self, uri: str, version: int, place: Range) -> tuple[LeanFile, int, int]:
        """Return a document and the offsets of a range, if the document is unchanged since the action was offered."""
        text, now = self._document(uri)
        if now != version:
            raise _Refused("the text has changed since the action was offered; ask for it again")
        codec = self._server.workspace.position_codec
        start, end = (positions.offset(text, one, codec) for one in (place.start, place.end))
        return sites.read(text, self._project), start, end

    async def _site(self, uri: str, version: int, place: Range, shown: WorkDone) -> Site:
        file, start, end = self._place(uri, version, place)
        site = sites.of_sorries(file, start, end)
        if site is not None:
            shown.report("starting Lean")
            return site
        at = sites.open_place(file, end)
        if at is None:
            raise _Refused("no `sorry` and no tactic block is there")
        shown.report("looking at the goals")
        return await sites.of_open_goals(await self._opened.service(), file, at, self._options)

    async def _apply(self, uri: str, site: Site, text: str, label: str) -> str:
        """Make the edit, unless the text changed where it matters.

        Returns:
            None, or the reason why the editor rejected the edit; a user may decline it, which is not an error.
        """
        now, version = self._document(uri)
        if not site.holds_in(now):
            raise _Refused(_CHANGED)
        start, end, text = positions.difference(now, site.start, site.end, text)
        edit = TextEdit(positions.place(now, start, end, self._server.workspace.position_codec), text)
        params = ApplyWorkspaceEditParams(edit=self._workspace_edit(uri, version, edit), label=label)
        try:
            answer = await self._server.workspace_apply_edit_async(params)
        except JsonRpcException as error:  # Eglot reports a declined edit this way
            answer = ApplyWorkspaceEditResult(applied=False, failure_reason=error.message)
        if answer.applied:
            return ""
        if self._document(uri)[1] != version:
            raise _Refused(_CHANGED)
        why = f": {answer.failure_reason}" if answer.failure_reason else ""
        return f"a proof was found; the editor did not take the edit{why}"

    def _workspace_edit(self, uri: str, version: int, edit: TextEdit) -> WorkspaceEdit:
        workspace = self._server.client_capabilities.workspace
        if workspace and workspace.workspace_edit and workspace.workspace_edit.document_changes:
            document = OptionalVersionedTextDocumentIdentifier(uri, version)
            return WorkspaceEdit(document_changes=[TextDocumentEdit(document, [edit])])
        return WorkspaceEdit(changes={uri: [edit]})

    def _document(self, uri: str) -> tuple[str, int]:
        document = self._server.workspace.text_documents.get(uri)
        if document is None or document.version is None:
            raise _Refused("the document is no longer open")
        return positions.lean_text(document.source), document.version

    def _say(self, text: str, kind: MessageType) -> None:
        self._server.window_show_message(ShowMessageParams(kind, f"leansieve: {printable(text)}"))


@contextlib.contextmanager
def _reason_shown(shown: WorkDone) -> Any:
    """End the display with the reason for a missing edit."""
    try:
        yield
    except (_Refused, UserError) as error:
        shown.end = str(error)
        raise


def _leading(choices: work.Choices) -> str:
    tactics = "; ".join(tactic.partition("\n")[0] for tactic in choices.leading)
    return f"; these lead on: {tactics}" if tactics else ""


def _title(number: int, tactic: str) -> str:
    """Return a one-line, unique title."""
    line = " ".join(tactic.split())
    return printable(f"{number}. {line if len(line) <= _LONGEST_TITLE else line[: _LONGEST_TITLE - 1] + '…'}")
