"""An editor: a real LSP client that talks to a real `leansieve lsp` process and keeps the document as editors do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcException
from pygls.lsp.client import LanguageClient
from pygls.protocol import default_converter

from tests.support.commands import program

URI = "file:///tmp/leansieve/Example.lean"


@dataclass
class Editor:
    """One open document.

    Attributes:
        declines_by_an_error: as Eglot does.
        typed: what the document becomes while an edit is being looked at.
        makes_displays: cleared, a request for a display of progress is left without an answer, as lsp-mode does at times.
        choose: picks one of the titles that the server asks about.
        watch: told the value of each `$/progress`.
    """

    client: LanguageClient
    text: str = ""
    version: int = 0
    takes_edits: bool = True
    declines_by_an_error: bool = False
    typed: str = ""
    makes_displays: asyncio.Event = field(default_factory=asyncio.Event)
    choose: Callable[[list[str]], str | None] = lambda titles: None
    watch: Callable[[Any], None] = lambda value: None
    token: types.ProgressToken = ""
    progress: list[Any] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    said: "asyncio.Queue[types.ShowMessageParams]" = field(default_factory=asyncio.Queue)
    edits: "asyncio.Queue[types.WorkspaceEdit]" = field(default_factory=asyncio.Queue)
    shown: "asyncio.Queue[types.PublishDiagnosticsParams]" = field(default_factory=asyncio.Queue)
    ended: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)

    def open(self, text: str) -> None:
        self.text, self.version = text, 1
        item = types.TextDocumentItem(URI, "lean4", self.version, text)
        self.client.text_document_did_open(types.DidOpenTextDocumentParams(item))

    def change(self, text: str) -> None:
        self.text, self.version = text, self.version + 1
        document = types.VersionedTextDocumentIdentifier(uri=URI, version=self.version)
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self.client.text_document_did_change(types.DidChangeTextDocumentParams(document, [whole]))

    def close(self) -> None:
        self.client.text_document_did_close(types.DidCloseTextDocumentParams(types.TextDocumentIdentifier(URI)))

    async def actions(
        self, at: str = "", shift: int = 0, diagnostics: list[types.Diagnostic] | None = None, whole: bool = False
    ) -> dict[str, Any]:
        """The commands that are offered where `at` stands in the document, or for the whole of it, by title."""
        start = self.position(0 if whole else self.text.index(at) + shift)
        end = self.position(len(self.text)) if whole else start
        params = types.CodeActionParams(
            types.TextDocumentIdentifier(URI), types.Range(start, end), types.CodeActionContext(diagnostics or [])
        )
        offered = await self.client.text_document_code_action_async(params) or []
        return {one.title: one.command for one in offered}

    async def execute(self, command: types.Command) -> None:
        params = types.ExecuteCommandParams(command=command.command, arguments=command.arguments)
        await self.client.workspace_execute_command_async(params)

    def position(self, offset: int) -> types.Position:
        before = self.text[:offset]
        units = len(before.rpartition("\n")[2].encode("utf-16-le")) // 2
        return types.Position(before.count("\n"), units)

    def offset(self, position: types.Position) -> int:
        lines = self.text.split("\n")
        column = len(lines[position.line].encode("utf-16-le")[: 2 * position.character].decode("utf-16-le"))
        return sum(len(one) + 1 for one in lines[: position.line]) + column

    def apply(self, params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        """As editors do: an edit of another version is not taken."""
        (change,) = params.edit.document_changes or ()
        assert isinstance(change, types.TextDocumentEdit)
        (edit,) = change.edits
        self.edits.put_nowait(params.edit)
        if self.typed:
            self.change(self.typed)
        if not self.takes_edits and self.declines_by_an_error:
            raise JsonRpcException("the user said no")
        if not self.takes_edits:
            return types.ApplyWorkspaceEditResult(applied=False, failure_reason="the user said no")
        if change.text_document.version != self.version:
            return types.ApplyWorkspaceEditResult(applied=False, failure_reason="the buffer is newer")
        start, end = self.offset(edit.range.start), self.offset(edit.range.end)
        self.change(self.text[:start] + edit.new_text + self.text[end:])
        return types.ApplyWorkspaceEditResult(applied=True)


def _converter() -> Any:
    """lsprotocol takes a code action with a command for a bare command."""
    converter = default_converter()
    converter.register_structure_hook(
        types.Command | types.CodeAction,
        lambda value, _: converter.structure(value, types.CodeAction),
    )
    return converter


@contextlib.asynccontextmanager
async def editing(*flags: str) -> AsyncIterator[Editor]:
    """An editor with its own server process, which must end well."""
    client = LanguageClient("editor", "1", converter_factory=_converter)
    editor = Editor(client)
    editor.makes_displays.set()

    @client.feature(types.WORKSPACE_APPLY_EDIT)
    def _apply(params: types.ApplyWorkspaceEditParams) -> types.ApplyWorkspaceEditResult:
        return editor.apply(params)

    @client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    def _shown(params: types.PublishDiagnosticsParams) -> None:
        editor.shown.put_nowait(params)

    @client.feature(types.WINDOW_SHOW_MESSAGE)
    def _said(params: types.ShowMessageParams) -> None:
        editor.said.put_nowait(params)

    @client.feature(types.WINDOW_SHOW_MESSAGE_REQUEST)
    def _asked(params: types.ShowMessageRequestParams) -> types.MessageActionItem | None:
        editor.asked.append(params.message)
        chosen = editor.choose([action.title for action in params.actions or ()])
        return None if chosen is None else types.MessageActionItem(chosen)

    @client.feature(types.WINDOW_WORK_DONE_PROGRESS_CREATE)
    async def _create(params: types.WorkDoneProgressCreateParams) -> None:
        editor.token = params.token
        await editor.makes_displays.wait()

    @client.feature(types.PROGRESS)
    def _progress(params: types.ProgressParams) -> None:
        editor.progress.append(params.value)
        editor.watch(params.value)
        if params.value["kind"] == "end":
            editor.ended.put_nowait(params.value["message"])

    await client.start_io(*program(), "lsp", *flags)
    capabilities = types.ClientCapabilities(
        window=types.WindowClientCapabilities(work_done_progress=True),
        workspace=types.WorkspaceClientCapabilities(
            apply_edit=True, workspace_edit=types.WorkspaceEditClientCapabilities(document_changes=True)
        ),
    )
    try:
        await client.initialize_async(types.InitializeParams(capabilities))
        client.initialized(types.InitializedParams())
        yield editor
        await client.shutdown_async(None)
        client.exit(None)
        assert client._server is not None
        assert await asyncio.wait_for(client._server.wait(), 60) == 0
    finally:
        if client._server is not None and client._server.returncode is None:
            client._server.kill()
        await client.stop()
