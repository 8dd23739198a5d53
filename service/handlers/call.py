"""One call as handlers and those who surround it see it, whatever carries it."""

import asyncio
import contextlib
import math
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

import grpc

from prover.errors import UserError
from service.contract import status

REQUEST_ID = "x-request-id"
"""The metadata that names a request, of the client's own choice or the server's."""

_OWN_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(slots=True, kw_only=True)
class Call:
    """A call as it comes in.

    Attributes:
        service: full name of a service that is registered here, as in `leansieve.v1.ProofSearchService`.
        method: a name of its method, as in `Prove`.
        kind: `unary`, `client_stream`, `server_stream` or `bidi_stream`.
        metadata: what the client sent besides the request; of a key that came twice, the last.
        peer: host that calls, without its port; `unix` over a Unix socket.
        common_name: of the client's certificate, if it has shown a valid one.
        deadline: on the clock of `time.monotonic`; infinite if the client waits as long as it takes.
        system: the carrier, `grpc` or `http`.
        log_id: names the call in the log.
        code: how the carrier says that the call ended, where the handler told it and not an error.
        remarks: what the log says of the call when it is answered.
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
        """Name the call."""
        own = self.metadata.get(REQUEST_ID)
        taken = isinstance(own, str) and _OWN_REQUEST_ID.fullmatch(own)
        self.log_id = str(own) if taken else secrets.token_hex(8)

    @property
    def seconds_left(self) -> float:
        """Until the deadline, less what stopping Lean and answering take; at least a millisecond."""
        left = self.deadline - time.monotonic()
        return math.inf if left == math.inf else max(1e-3, left - min(3.0, 0.25 * left))

    def code_after(self, error: BaseException | None) -> grpc.StatusCode:
        """How the call ended, if its handler ended with `error` or, None, without one."""
        if self.code is not None:
            return self.code
        match error:
            case None:
                return grpc.StatusCode.OK
            case GeneratorExit():  # the reader of a stream left
                return grpc.StatusCode.CANCELLED
            case asyncio.CancelledError():
                over = self.deadline <= time.monotonic()
                return grpc.StatusCode.DEADLINE_EXCEEDED if over else grpc.StatusCode.CANCELLED
            case UserError():
                return status.code_of(error)
            case _:
                return grpc.StatusCode.INTERNAL


Surround = Callable[[Call], AbstractAsyncContextManager[object]]
"""What is done around every call, in the task that answers it: it may set context variables, end the call by raising a
UserError, and sees what the call raised."""


@contextlib.asynccontextmanager
async def surrounded(call: Call, surrounds: Sequence[Surround]) -> AsyncIterator[None]:
    """Within all of `surrounds`, the outermost first."""
    async with contextlib.AsyncExitStack() as stack:
        for surround in surrounds:
            await stack.enter_async_context(surround(call))
        yield
