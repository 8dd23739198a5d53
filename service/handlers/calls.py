"""What every call of the contract has around its answer: its client's quota, its lines in the log, its fields by name."""

import asyncio
import contextlib
import re
import time
from collections.abc import AsyncIterator

import structlog
from structlog.typing import FilteringBoundLogger

from prover.errors import InputError, UserError
from prover.lean.workers.isolation.scope import one_client
from service.auth.identity import CALLER
from service.core.limits.quotas import Quotas
from service.handlers.call import Call

# Parts of requests that stand next to `options`.
_BESIDE_OPTIONS = ("theorem", "options", "priority", "text", "within", "timeout", "items", "request_id", "request")


class Calls:
    """Lets calls in and sees them out."""

    def __init__(self, quotas: Quotas) -> None:
        """Hold clients to these."""
        self._quotas = quotas
        self._log: FilteringBoundLogger = structlog.get_logger(__name__)

    @contextlib.asynccontextmanager
    async def answering(self, call: Call, in_options: bool = False, quiet: bool = False) -> AsyncIterator[None]:
        """Answer one call within its client's quota.

        Args:
            call: to be answered.
            in_options: fields that are to blame are part of the request's `options`, unless they are its own.
            quiet: answers are logged at level debug.
        """
        client = CALLER.get()
        # Each call has a task, and so a context, of its own: nothing has to be unbound.
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
    """The same, naming fields as they are called where `SearchOptions` is a part of the request."""
    if not isinstance(error, InputError):
        return error
    fields = tuple(
        (field if re.split(r"[.\[]", field)[0] in _BESIDE_OPTIONS else f"options.{field}", text)
        for field, text in error.violations
    )
    return InputError(fields[0][0], str(error), fields)
