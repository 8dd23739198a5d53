"""Progress of a search in the editor's own display, with a cancel button."""

import asyncio
import uuid
from typing import Self

from lsprotocol.types import WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressReport
from pygls.lsp.server import LanguageServer

from service.core.limits.text import printable

_CREATED_SECONDS = 2.0
"""Time limit for an editor to create a display."""


class WorkDone:
    """`$/progress` for one search, if the editor supports it; its cancel button cancels the task that entered the
    context.
    """

    def __init__(self, server: LanguageServer, title: str) -> None:
        """Create a display with `title`."""
        window = server.client_capabilities.window
        self._shown = bool(window and window.work_done_progress)
        self._progress = server.work_done_progress
        self._title = title
        self._token = f"leansieve-{uuid.uuid4()}"
        self._percentage = 0
        self.end = "stopped"

    async def __aenter__(self) -> Self:
        """Begin the display."""
        if self._shown:
            # lsp-mode 8 loses a request that it reads together with an awaited answer; then nothing is shown.
            create = asyncio.ensure_future(self._progress.create_async(self._token))
            done, _ = await asyncio.wait({create}, timeout=_CREATED_SECONDS)
            self._shown = bool(done)
            await asyncio.gather(*done)
        if self._shown:
            task = asyncio.current_task()
            assert task is not None
            self._progress.tokens[self._token].add_done_callback(lambda _: task.cancel())
            begin = WorkDoneProgressBegin(self._title, cancellable=True, percentage=0)
            self._progress.begin(self._token, begin)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """End the display, with the text in `end`."""
        if self._shown:
            self._progress.tokens.pop(self._token, None)
            self._progress.end(self._token, WorkDoneProgressEnd(message=printable(self.end)))

    def report(self, message: str, share: float = 0.0) -> None:
        """Report the activity and the completed share; the share never decreases."""
        if self._shown:
            self._percentage = max(self._percentage, int(100 * share))
            report = WorkDoneProgressReport(cancellable=True, message=printable(message), percentage=self._percentage)
            self._progress.report(self._token, report)
