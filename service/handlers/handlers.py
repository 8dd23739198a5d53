"""All handlers of a server, by method name."""

import inspect
import re
from collections.abc import Callable, Iterable
from typing import Any

from prover.requests import Service
from service.batch.batches import Batches
from service.classrooms.classrooms import Classrooms
from service.contract.methods import METHODS
from service.core.limits.admission import Quotas, Room
from service.handlers.batch import BatchHandlers
from service.handlers.calls import Calls
from service.handlers.check import CheckHandlers
from service.handlers.classroom import ClassroomHandlers
from service.handlers.search import SearchHandlers
from service.handlers.server import ServerHandlers
from service.ops.config import Settings

Handler = Callable[..., Any]
"""Takes a request, or an iterator of requests, and its `Call`; returns an awaitable response, or an iterator of
responses.
"""


class Handlers:
    """Handlers for every call of the contract."""

    def __init__(
        self,
        service: Service,
        settings: Settings,
        batches: Batches | None = None,
        quotas: Quotas | None = None,
        classrooms: Classrooms | None = None,
    ) -> None:
        """Serve `service` within the limits that `settings` give to clients.

        Args:
            service: answers the calls.
            settings: settings of the service.
            batches: runs batches; None: they are refused.
            quotas: accounts of clients, also charged for batches; by default private to these handlers.
            classrooms: classrooms of teachers; None: they are refused.
        """
        calls = Calls(quotas or Quotas(settings.clients))
        searches = Room(settings.server.searches)
        rooms = (
            SearchHandlers(service, settings, calls, searches),
            CheckHandlers(service, settings, calls),
            BatchHandlers(batches, settings, calls),
            ClassroomHandlers(classrooms, settings, calls, searches),
            ServerHandlers(service, batches is not None, calls),
        )
        self._by_method: dict[str, Handler] = {method: _find(method, rooms) for method in METHODS}

    def of(self, method: str) -> Handler:
        """Return the handler of a method."""
        return self._by_method[method]


def summary(method: str) -> str:
    """Return a one-sentence description of a method of the contract."""
    return inspect.getdoc(_find(method, _ROOMS)) or method


_ROOMS = (SearchHandlers, CheckHandlers, BatchHandlers, ClassroomHandlers, ServerHandlers)


def _find(method: str, rooms: Iterable[object]) -> Handler:
    name = re.sub(r"(?<!^)([A-Z])", r"_\1", method).lower()
    handler: Handler = next(getattr(room, name) for room in rooms if hasattr(room, name))
    return handler
