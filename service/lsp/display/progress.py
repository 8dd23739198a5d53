"""How far a search is, in the editor's own display, where it can be cancelled."""

import asyncio
import uuid
from typing import Self

from lsprotocol.types import WorkDoneProgressBegin, WorkDoneProgressEnd, WorkDoneProgressReport
from pygls.lsp.server import LanguageServer

from service.core.limits.text import printable

_CREATED_SECONDS = 2.0
"""How long an editor may take to make a display."""


class WorkDone:
    """`$/progress` for one search, where the editor can show it; its cancel button cancels the task that entered it."""

    def __init__(self, server: LanguageServer, title: str) -> None:
        """Show under `title`."""
        window = server.client_capabilities.window
        self._shown = bool(window and window.work_done_progress)
        self._progress = server.work_done_progress
        self._title = title
        self._token = f"leansieve-{uuid.uuid4()}"
        self._percentage = 0
        self.end = "stopped"

    async def __aenter__(self) -> Self:
        """Begin."""
        if self._shown:
            # lsp-mode 8 loses a request that it reads together with the answer that it waits for: nothing is shown then.
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
        """End, with the words in `end`."""
        if self._shown:
            self._progress.tokens.pop(self._token, None)
            self._progress.end(self._token, WorkDoneProgressEnd(message=printable(self.end)))

    def report(self, message: str, share: float = 0.0) -> None:
        """Tell what is done, and which share of it is behind; what is shown never goes back."""
        if self._shown:
            self._percentage = max(self._percentage, int(100 * share))
            report = WorkDoneProgressReport(cancellable=True, message=printable(message), percentage=self._percentage)
            self._progress.report(self._token, report)
