"""Parts that all tools share: admission of the caller, errors as answers, and the options of checks and searches."""

import contextlib
import functools
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from prover.errors import UserError
from prover.options import CheckOptions, SearchOptions
from prover.requests import Service
from service.auth.identity import Role
from service.core.limits.admission import bounds
from service.mcp.answers.answer import ToolAnswer
from service.ops.config import Settings


class Tools:
    """Tools over one service that all sessions share."""

    def __init__(
        self,
        service: Callable[[], Awaitable[Service]],
        settings: Settings,
        admitting: Callable[[Role], contextlib.AbstractContextManager[None]],
    ) -> None:
        """Use `service`, which is opened at the first call; `admitting` admits a call or raises UserError."""
        self._service = service
        self._settings = settings
        self._default, _ = bounds(settings)
        self.admitting = admitting

    @property
    def _checking(self) -> CheckOptions:
        return self._default.options().check

    def _searching(self, seconds: float, proofs: int = 1) -> SearchOptions:
        budget = replace(self._default.budget, seconds=seconds, proofs=proofs)
        return replace(self._default.options(), budget=budget)


Answered = TypeVar("Answered", bound=ToolAnswer)
Tool = Callable[..., Coroutine[Any, Any, Answered]]


def answering(kind: type[Answered], role: Role) -> Callable[[Tool[Answered]], Tool[Answered]]:
    """Decorate a tool: errors become an answer of its own type, and callers need `role`."""

    def decorate(tool: Tool[Answered]) -> Tool[Answered]:
        @functools.wraps(tool)
        async def answered(tools: Tools, *args: Any, **kwargs: Any) -> Answered:
            try:
                with tools.admitting(role):
                    return await tool(tools, *args, **kwargs)
            except UserError as error:
                return kind.failed(error)

        return answered

    return decorate
