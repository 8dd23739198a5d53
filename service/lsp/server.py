"""The language server: offers code actions and starts their searches. Serves one editor, over stdin and stdout."""

import asyncio
import contextlib
import importlib.metadata
import logging
import os
import stat
import sys
from collections.abc import AsyncIterator
from typing import BinaryIO, TextIO

from lsprotocol import types
from pygls.io_ import run_async
from pygls.lsp.server import LanguageServer

from prover.errors import UserError
from prover.options import SearchOptions
from service.core.limits.text import printable
from service.lsp import positions, refuting, sites
from service.lsp.opened import Opened
from service.lsp.protocol import Protocol, Server
from service.lsp.searches import Searches

PROVE, SUGGEST, STOP = "leansieve.prove", "leansieve.suggest", "leansieve.stop"
HINT, DISMISS, DISPROVE = "leansieve.hint", "leansieve.dismissHints", "leansieve.disprove"

_log = logging.getLogger(__name__)
_NO_EDITOR = "stdin has no messages of an editor: an editor must start `leansieve lsp`"
_NO_READER = "stdout leads to no editor: an editor must start `leansieve lsp`"
_UNSOLVED = "unsolved goals"


async def serve(opened: Opened, options: SearchOptions, project: str = "") -> int:
    """Serve the editor on stdin and stdout until it sends `exit` or disconnects; then all processes are ended.

    Returns:
        The exit status that the protocol asks for.

    Raises:
        UserError: stdin does not follow this protocol, or stdin or stdout is not a pipe, socket or terminal.
    """
    _raise_unless_an_editor_may_be_there(sys.stdin, sys.stdout)
    # pygls would log the texts of documents.
    logging.getLogger("pygls").setLevel(logging.CRITICAL)
    server = Server(
        "leansieve",
        importlib.metadata.version("leansieve"),
        text_document_sync_kind=types.TextDocumentSyncKind.Full,
        protocol_cls=Protocol,
    )
    searches = Searches(server, opened, options, project)
    warming = register(server, searches, opened)
    try:
        async with _stdio() as (reader, writer):
            server.protocol.set_writer(writer)
            try:
                await run_async(asyncio.Event(), reader, server.protocol, error_handler=server.report_server_error)  # type: ignore[arg-type]
            except asyncio.IncompleteReadError:
                return 1
            except ValueError:  # asyncio's reader: a line longer than any header line
                raise UserError(_NO_EDITOR) from None
            except SystemExit as ended:
                return int(ended.code or 0)
            return 1  # disconnected without `exit`
    finally:
        for task in warming:
            task.cancel()
        await searches.close()
        await opened.close()


def register(server: LanguageServer, searches: Searches, opened: Opened) -> "set[asyncio.Task[None]]":
    """Register the features of `server`; returns the tasks that it starts by itself."""
    warming: set[asyncio.Task[None]] = set()

    @server.feature(types.INITIALIZED)
    def initialized(_params: types.InitializedParams) -> None:
        # Starting Lean takes seconds; errors are reported to the search that needs it.
        task = asyncio.create_task(_warm(opened))
        warming.add(task)
        task.add_done_callback(warming.discard)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION,
        types.CodeActionOptions(
            code_action_kinds=[types.CodeActionKind.QuickFix, types.CodeActionKind.RefactorRewrite]
        ),
    )
    def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        return list(_actions(server, searches, params))

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        searches.stop(params.text_document.uri)
        searches.forget(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        searches.remarks.changed(params.text_document.uri)

    @server.command(PROVE)
    def prove(uri: str, version: int, place: types.Range) -> None:
        searches.prove(uri, version, place)

    @server.command(SUGGEST)
    def suggest(uri: str, version: int, place: types.Range) -> None:
        searches.suggest(uri, version, place)

    @server.command(HINT)
    def hint(uri: str, version: int, place: types.Range) -> None:
        searches.hint(uri, version, place)

    @server.command(DISPROVE)
    def disprove(uri: str, version: int, place: types.Range) -> None:
        searches.disprove(uri, version, place)

    @server.command(DISMISS)
    def dismiss(uri: str) -> None:
        searches.forget(uri)

    @server.command(STOP)
    def stop(uri: str) -> None:
        searches.stop(uri)

    return warming


async def _warm(opened: Opened) -> None:
    with contextlib.suppress(UserError):
        await opened.service()


def _actions(server: LanguageServer, searches: Searches, params: types.CodeActionParams) -> "list[types.CodeAction]":
    """Return the actions for a range: for its `sorry`s, for unsolved goals that Lean reports there, for the tactic
    block there.
    """
    uri = params.text_document.uri
    document = server.workspace.text_documents.get(uri)
    if document is None or document.version is None:
        return []
    text = positions.lean_text(document.source)
    try:
        file = sites.read(text)
    except UserError as error:
        return [_explaining_action(server, str(error))]
    codec = server.workspace.position_codec
    start, end = (positions.offset(text, one, codec) for one in (params.range.start, params.range.end))
    offered: list[types.CodeAction] = []
    site = sites.of_sorries(file, start, end)
    if site is not None:
        place = positions.place(text, site.start, site.end, codec)
        many = f" {len(site.holes)} sorries" if len(site.holes) > 1 else ""
        offered += _offered(uri, document.version, place, types.CodeActionKind.QuickFix, many)
    else:
        unsolved = [one for one in params.context.diagnostics if _UNSOLVED in _message(one)]
        wanted = positions.offset(text, unsolved[0].range.end, codec) if unsolved else end
        at = sites.open_place(file, wanted)
        if at is not None:
            kind = types.CodeActionKind.QuickFix if unsolved else types.CodeActionKind.RefactorRewrite
            place = positions.place(text, at, at, codec)
            offered += _offered(uri, document.version, place, kind, "", unsolved[:1])
        offered += [_explaining_action(server, one.why) for one in file.open if start <= one.end and one.start <= end]
    if refuting.doubted(file, start, end) is not None:
        kind = types.CodeActionKind.QuickFix if site is not None else types.CodeActionKind.RefactorRewrite
        place = positions.place(text, start, end, codec)
        offered.append(_action("leansieve: disprove", DISPROVE, kind, [uri, document.version, place]))
    if searches.remarks.hinted(uri) or searches.remarks.remarked(uri):
        shown = "hints" if searches.remarks.hinted(uri) else "notes"
        offered.append(_action(f"leansieve: dismiss {shown}", DISMISS, types.CodeActionKind.QuickFix, [uri]))
    if searches.running(uri):
        offered.append(_action("leansieve: stop searching", STOP, types.CodeActionKind.QuickFix, [uri]))
    only = params.context.only
    return [one for one in offered if not only or any(_is_a(one.kind or "", kind) for kind in only)]


def _offered(
    uri: str,
    version: int,
    place: types.Range,
    kind: types.CodeActionKind,
    many: str,
    diagnostics: list[types.Diagnostic] | None = None,
) -> list[types.CodeAction]:
    arguments: list[object] = [uri, version, place]
    commands = [(f"leansieve: prove{many}", PROVE), ("leansieve: suggest tactics", SUGGEST), ("leansieve: hint", HINT)]
    return [_action(title, name, kind, arguments, diagnostics) for title, name in commands]


def _action(
    title: str,
    name: str,
    kind: types.CodeActionKind,
    arguments: list[object],
    diagnostics: list[types.Diagnostic] | None = None,
) -> types.CodeAction:
    command = types.Command(title, name, arguments=arguments)
    return types.CodeAction(title, kind=kind, diagnostics=diagnostics, command=command)


def _explaining_action(server: LanguageServer, why: str) -> types.CodeAction:
    """Return an action without effect whose title explains why nothing is offered."""
    action = types.CodeAction(f"leansieve: {printable(why)}", kind=types.CodeActionKind.QuickFix)
    document = server.client_capabilities.text_document
    if document and document.code_action and document.code_action.disabled_support:
        action.disabled = types.CodeActionDisabled(reason=printable(why))
    return action


def _message(diagnostic: types.Diagnostic) -> str:
    message = diagnostic.message
    return message if isinstance(message, str) else message.value


def _is_a(kind: str, wanted: str) -> bool:
    return not wanted or kind == wanted or kind.startswith(wanted + ".")


def _raise_unless_an_editor_may_be_there(source: TextIO | None, sink: TextIO | None) -> None:
    """Refuse streams that are closed (None), files, and devices such as /dev/null: these have no editor, and asyncio
    cannot wait for them.
    """
    for stream in (source, sink):
        mode = os.fstat(stream.fileno()).st_mode if stream is not None else 0
        if stream is None or not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stream.isatty()):
            raise UserError(_NO_EDITOR if stream is source else _NO_READER)


@contextlib.asynccontextmanager
async def _stdio() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.WriteTransport]]:
    """Return the editor's streams.

    Other output of this process goes to stderr, so that it does not mix with messages.
    """
    loop = asyncio.get_running_loop()
    sys.stdout.flush()
    source, sink = _duplicate(sys.stdin.fileno(), "rb"), _duplicate(sys.stdout.fileno(), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    reader = asyncio.StreamReader()
    reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), source)
    writing, _ = await loop.connect_write_pipe(asyncio.Protocol, sink)
    try:
        yield reader, writing
    finally:
        reading.close()
        writing.close()


def _duplicate(descriptor: int, mode: str) -> BinaryIO:
    return os.fdopen(os.dup(descriptor), mode, buffering=0)  # type: ignore[return-value]
