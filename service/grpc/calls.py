"""What every call of `leansieve.v1` has around it: a request id, its client's quota, and errors as status."""

import asyncio
import contextlib
import math
import re
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import structlog
from structlog.typing import FilteringBoundLogger

from prover.errors import InputError, UserError
from prover.lean.workers.scope import one_client
from service.auth.identity import CALLER, Identity
from service.core.quotas import Quotas
from service.grpc import status

REQUEST_ID = "x-request-id"
"""The metadata that names a request, of the client's own choice or the server's."""

Context = grpc.aio.ServicerContext[Any, Any]

_OWN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
# Parts of requests that stand beside `options`.
_BESIDE_OPTIONS = ("theorem", "options", "priority", "text", "within", "time", "items", "idempotency_key", "request")


@dataclass(slots=True)
class Call:
    """A call in work.

    Attributes:
        request_id: names it in the log.
        client: who calls.
        remarks: what the log says of the call when it is answered.
    """

    request_id: str
    client: Identity
    remarks: dict[str, object] = field(default_factory=dict)


class Calls:
    """Lets calls in and sees them out."""

    def __init__(self, quotas: Quotas) -> None:
        """Hold clients to these."""
        self._quotas = quotas
        self._log: FilteringBoundLogger = structlog.get_logger(__name__)

    @contextlib.asynccontextmanager
    async def answering(
        self, rpc: str, context: Context, in_options: bool = False, quiet: bool = False
    ) -> AsyncIterator[Call]:
        """One call: what is raised within ends it with the status that says so.

        Args:
            rpc: its name.
            in_options: fields that are to blame are part of the request's `options`, unless they are its own.
            quiet: answers are logged at level debug.
        """
        request_id = _request_id(context)
        client = CALLER.get()
        # Each call has a task, and so a context, of its own: nothing has to be unbound.
        structlog.contextvars.bind_contextvars(rpc=rpc, request_id=request_id, client=client.name)
        await context.send_initial_metadata(((REQUEST_ID, request_id),))
        started = time.monotonic()
        try:
            with self._quotas.admitting(client) as account:
                account.activate()
                call = Call(request_id, client)
                async with one_client():
                    yield call
            say = self._log.debug if quiet else self._log.info
            say("answered", seconds=round(time.monotonic() - started, 3), **call.remarks)
        except UserError as error:
            self._log.info("refused", error=type(error).__name__, field=getattr(error, "field", None))
            await status.abort(context, _in_options(error) if in_options else error)
        except asyncio.CancelledError:
            self._log.info("abandoned", seconds=round(time.monotonic() - started, 3))
            raise
        except Exception:
            self._log.exception("failed")
            await status.abort(context)


def time_left(context: Context) -> float:
    """Seconds until the deadline of the call, less what stopping Lean and answering take; at least a millisecond."""
    left = context.time_remaining()
    return math.inf if left is None else max(1e-3, left - min(3.0, 0.25 * left))


def _request_id(context: Context) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == REQUEST_ID and isinstance(value, str) and _OWN_REQUEST_ID.fullmatch(value):
            return value
    return secrets.token_hex(8)


def _in_options(error: UserError) -> UserError:
    """The same, naming fields as they are called where `SearchOptions` is a part of the request."""
    if not isinstance(error, InputError):
        return error
    fields = tuple(
        (field if re.split(r"[.\[]", field)[0] in _BESIDE_OPTIONS else f"options.{field}", text)
        for field, text in error.violations
    )
    return InputError(fields[0][0], str(error), fields)
