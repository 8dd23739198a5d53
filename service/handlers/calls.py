"""Calls, independent of the carrier: their data, their middleware, and the set of running calls."""

import asyncio
import contextlib
import math
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog
from structlog.typing import FilteringBoundLogger

from prover.errors import InputError, UserError
from prover.lean.workers.client import one_client
from prover.requests import UnavailableError
from service.auth.identity import CALLER
from service.contract import status
from service.core.limits.admission import Quotas

REQUEST_ID = "x-request-id"
"""Metadata key of a request's identifier, chosen by the client or the server."""

_OWN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True, kw_only=True)
class Call:
    """An incoming call.

    Attributes:
        service: full name of a registered service, such as `leansieve.v1.ProofSearchService`.
        method: name of its method, such as `Prove`.
        kind: `unary`, `client_stream`, `server_stream` or `bidi_stream`.
        metadata: the client's metadata; of repeated keys, the last value.
        peer: host of the caller, without its port; `unix` for a Unix socket.
        common_name: common name of the client's certificate, if it presented a valid one.
        deadline: on the clock of `time.monotonic`; infinite if the client set none.
        system: the carrier, `grpc` or `http`.
        log_id: identifier of the call in the log.
        code: final status of the call in the carrier, if the handler set it without raising an error.
        remarks: fields to log when the call is answered.
    """

    service: str
    method: str
    kind: str
    metadata: Mapping[str, str | bytes]
    peer: str
    common_name: str | None = None
    deadline: float = math.inf
    system: str = "grpc"
    log_id: str = field(init=False)
    code: grpc.StatusCode | None = None
    remarks: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Assign the log identifier."""
        wanted = self.metadata.get(REQUEST_ID)
        taken = isinstance(wanted, str) and _OWN_REQUEST_ID.fullmatch(wanted)
        self.log_id = str(wanted) if taken else secrets.token_hex(8)

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline, less the time to stop Lean and answer; at least a millisecond."""
        remaining = self.deadline - time.monotonic()
        return math.inf if remaining == math.inf else max(1e-3, remaining - min(3.0, 0.25 * remaining))

    def code_after(self, error: BaseException | None) -> grpc.StatusCode:
        """Return the final status of the call, whose handler raised `error`, or None."""
        if self.code is not None:
            return self.code
        match error:
            case None:
                return grpc.StatusCode.OK
            case GeneratorExit():  # the reader of a stream has left
                return grpc.StatusCode.CANCELLED
            case asyncio.CancelledError():
                over = self.deadline <= time.monotonic()
                return grpc.StatusCode.DEADLINE_EXCEEDED if over else grpc.StatusCode.CANCELLED
            case UserError():
                return status.code_of(error)
            case _:
                return grpc.StatusCode.INTERNAL


@dataclass(frozen=True, slots=True)
class Unread:
    """A message of a stream that could not be read: the id of its answer, and the error."""

    id: str
    error: InputError


Surround = Callable[[Call], AbstractAsyncContextManager[object]]
"""Middleware around every call, in the task that answers it.

It may set context variables, end the call by raising a UserError, and sees the call's exceptions.
"""


@contextlib.asynccontextmanager
async def surrounded(call: Call, surrounds: Sequence[Surround]) -> AsyncIterator[None]:
    """Enter all `surrounds`, the outermost first."""
    async with contextlib.AsyncExitStack() as stack:
        for surround in surrounds:
            await stack.enter_async_context(surround(call))
        yield


# Fields of requests next to `options`.
_BESIDE_OPTIONS = ("theorem", "options", "priority", "text", "within", "timeout", "items", "request_id", "request")


class Calls:
    """Admits calls and logs their end."""

    def __init__(self, quotas: Quotas) -> None:
        """Apply these quotas to clients."""
        self._quotas = quotas
        self._log: FilteringBoundLogger = structlog.get_logger(__name__)

    @contextlib.asynccontextmanager
    async def answering(self, call: Call, in_options: bool = False, quiet: bool = False) -> AsyncIterator[None]:
        """Answer one call within its client's quota.

        Args:
            call: the call to answer.
            in_options: whether invalid fields belong to the request's `options`, except the request's own fields.
            quiet: whether to log answers at level debug only.
        """
        client = CALLER.get()
        # Each call has its own task, and so its own context: no variable has to be reset.
        structlog.contextvars.bind_contextvars(rpc=call.method, request_id=call.log_id, client=client.name)
        started = time.monotonic()
        try:
            with self._quotas.admitting(client) as account:
                account.activate()
                async with one_client():
                    yield
            say = self._log.debug if quiet else self._log.info
            say("answered", seconds=round(time.monotonic() - started, 3), **call.remarks)
        except UserError as error:
            self._log.info("refused", error=type(error).__name__, field=getattr(error, "field", None))
            raise _in_options(error) if in_options else error from None
        except asyncio.CancelledError:
            self._log.info("abandoned", seconds=round(time.monotonic() - started, 3))
            raise
        except Exception:
            self._log.exception("failed")
            raise


def _in_options(error: UserError) -> UserError:
    """Prefix field names for requests in which `SearchOptions` is a field."""
    if not isinstance(error, InputError):
        return error
    fields = tuple(
        (field if re.split(r"[.\[]", field)[0] in _BESIDE_OPTIONS else f"options.{field}", text)
        for field, text in error.violations
    )
    return InputError(fields[0][0], str(error), fields)


_LISTENING_IN = "grpc.health.v1.Health"
"""The service whose `Watch` never ends by itself: draining does not wait for it."""
_RETRY_SECONDS = 1.0


class CallsInWork:
    """Knows the calls in work, and ends them; `around` surrounds each."""

    def __init__(self) -> None:
        """None."""
        self._methods: dict[asyncio.Task[Any], str] = {}
        self._ended: dict[asyncio.Task[Any], UserError] = {}
        self._none = asyncio.Event()
        self._none.set()
        self._over = False

    @contextlib.asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        """Count one call in; when it is ended from here, tell the client why."""
        task = asyncio.current_task()
        if task is None or call.service == _LISTENING_IN:
            yield
            return
        self._methods[task] = call.method
        self._none.clear()
        try:
            if self._over:
                raise _shutting_down()
            yield
        except asyncio.CancelledError:
            if (reason := self._ended.get(task)) is None:
                raise
            task.uncancel()
            raise reason from None
        finally:
            self._ended.pop(task, None)
            del self._methods[task]
            if not self._methods:
                self._none.set()

    async def none(self) -> None:
        """Wait until there is none."""
        await self._none.wait()

    def end(self, method: str | None = None) -> None:
        """End what is left, or the calls of one method: UNAVAILABLE, with a delay after which another server may be asked."""
        self._over = self._over or method is None
        for task, name in self._methods.items():
            if method in (None, name):
                self.end_one(task, _shutting_down())

    def end_one(self, task: asyncio.Task[Any], reason: UserError) -> None:
        """End the call that `task` answers; nothing happens if it is over, or is being ended."""
        if task in self._methods and task not in self._ended:
            self._ended[task] = reason
            task.cancel()


def _shutting_down() -> UnavailableError:
    return UnavailableError("this server shuts down: send the request again", _RETRY_SECONDS)
