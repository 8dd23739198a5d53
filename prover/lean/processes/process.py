"""One Lean worker process: start, request, cancel, watch, kill."""

import asyncio
import secrets
import socket
from collections.abc import Mapping, Sequence
from typing import Any, Self, cast

from prover.concurrency.tasks import spawned
from prover.lean.processes.ending import End, HeaderRejectedError, WorkerEndedError, WorkerStartError, interpret
from prover.lean.processes.tree import is_stopped, kill_group, kill_tree
from prover.lean.runtimes.runtime import Launch
from prover.lean.wire.answers import WorkerInfo
from prover.lean.wire.lines import (
    AnswerError,
    ControlChannel,
    Fields,
    Framer,
    FramingError,
    ProtocolError,
    Request,
    Tail,
    accepted,
    acknowledged,
    cancel_line,
    read_answer,
)
from prover.lean.wire.role import ProcessRole, hello

_LAST_WORDS_SECONDS = 0.2  # for reading the pipes of a dead process
_CANCEL_AGAIN_SECONDS = 0.1


class WorkerProcess(asyncio.SubprocessProtocol):
    """A Lean process that answers one request at a time.

    Call `ask` again only after the last answer and, after a `cancel`, its acknowledgement.

    Attributes:
        pid: process id; leader of its own session and process group.
        ended: resolves with the reason of the end, once no process of the tree is left.
        served: number of answered requests, without `hello`.
        memory_bytes: last measured resident memory of the process tree.
    """

    pid: int
    _transport: asyncio.SubprocessTransport
    _stdin: asyncio.WriteTransport

    def __init__(self, launch: Launch, flood_bytes: int) -> None:
        """Internal; call `spawn`."""
        self._launch = launch
        self._flood_bytes = flood_bytes
        self._loop = asyncio.get_running_loop()
        self._nonce = secrets.token_hex(16)
        self._noise = Tail()
        self._framer = Framer(self._nonce, self._noise)
        self._noise_before = 0
        self._number = 0
        self._answer: asyncio.Future[Fields] | None = None
        self._unacknowledged = 0
        self._acknowledgement: asyncio.Future[None] | None = None
        self._control: asyncio.Transport | None = None
        self._open_pipes = {1, 2}
        self._exited = False
        self._end: End | None = None
        self._why = ""
        self.ended: asyncio.Future[End] = self._loop.create_future()
        self.served = 0
        self.memory_bytes = 0

    @classmethod
    async def spawn(cls, launch: Launch, flood_bytes: int = 64 << 20) -> Self:
        """Start the process; it loads nothing before `hello`.

        Args:
            launch: command line and environment.
            flood_bytes: limit of other output on stdout and stderr during one request; beyond it the process is killed.

        Raises:
            WorkerStartError: the program cannot be started.
        """
        worker = cls(launch, flood_bytes)
        loop = asyncio.get_running_loop()
        env = dict(launch.env)
        inherited: list[socket.socket] = []
        try:
            if launch.cancel == "memory":
                ours, theirs = socket.socketpair()
                inherited = [theirs]
                env["LEANSIEVE_CONTROL_FD"] = str(theirs.fileno())
                worker._control, _ = await loop.create_unix_connection(
                    lambda: ControlChannel(worker.control_received), sock=ours
                )
            starting = loop.subprocess_exec(
                lambda: worker,
                *launch.command,
                env=env,
                cwd=launch.cwd,
                start_new_session=True,
                pass_fds=[theirs.fileno() for theirs in inherited],
            )
            await spawned(starting, lambda _: worker.close())
        except BaseException as error:
            if worker._control:
                worker._control.close()
            if isinstance(error, OSError):
                raise WorkerStartError(f"cannot start {launch.argv[0]}: {error.strerror or error}") from None
            raise
        finally:
            for theirs in inherited:
                theirs.close()
        return worker

    async def hello(
        self,
        imports: Sequence[str],
        vetting: Mapping[str, object],
        seconds: float,
        role: ProcessRole = ProcessRole.WORKER,
    ) -> WorkerInfo:
        """Send the answer marker and the process role, and load `imports`, within `seconds`.

        Raises:
            HeaderRejectedError: Lean does not know an import.
            WorkerStartError: the process died, violated the protocol or took too long; it has been killed.
        """
        request = hello(self._nonce, imports, vetting, self._launch.cancel, role)
        answer = self.ask(request)
        await asyncio.wait({answer}, timeout=seconds)
        if not answer.done():
            self.kill(End.UNRESPONSIVE, f"was not ready within {seconds:g} s")
        try:
            info = request.read(accepted(await answer), 0.0, False)
        except AnswerError as error:
            if error.code == "bad_header":
                raise HeaderRejectedError(str(error)) from None
            self.kill(End.INTERNAL, f"refused to start: {error}")
        except ProtocolError as error:
            self.kill(End.PROTOCOL_ERROR, str(error))
        except WorkerEndedError:
            pass
        else:
            self.served = 0
            return info
        await asyncio.shield(self.ended)
        words = f"; its last words: {self.last_words}" if self.last_words else ""
        raise WorkerStartError(f"a Lean worker did not start: it {self._why}{words}")

    def ask(self, request: Request[Any]) -> asyncio.Future[Fields]:
        """Send a request; the future resolves to the answer's fields, or raises WorkerEndedError."""
        answer: asyncio.Future[Fields] = self._loop.create_future()
        if self.ended.done():
            answer.set_exception(WorkerEndedError(self.ended.result(), self._why))
            return answer
        self._number += 1
        self._answer = answer
        self._noise_before = self._noise.total
        self._stdin.write(request.line(self._number))
        return answer

    async def cancel(self, grace: float) -> bool:
        """Cancel the current request and wait at most `grace` seconds for its answer and the acknowledgement.

        Returns:
            Whether the process can take another request. If not, it is dead or unresponsive: kill it.
        """
        answer = self._answer
        if answer is None:
            return True
        until = self._loop.time() + grace
        while not answer.done() and (remaining := until - self._loop.time()) > 0:
            # Repeated, because a cancel that overtakes its request has no effect.
            if not self._unacknowledged:
                self._send_cancel()
            await asyncio.wait({answer}, timeout=min(remaining, _CANCEL_AGAIN_SECONDS))
        if self._unacknowledged and not self.ended.done():
            self._acknowledgement = self._loop.create_future()
            waited: set[asyncio.Future[Any]] = {self._acknowledgement, self.ended}
            await asyncio.wait(waited, timeout=max(0.0, until - self._loop.time()), return_when=asyncio.FIRST_COMPLETED)
        return answer.done() and not self._unacknowledged and not self.ended.done()

    def kill(self, end: End, why: str = "") -> None:
        """Kill the whole process tree at once. `ended` resolves when it is gone; repeated calls have no effect."""
        if self._end is None:
            self._end, self._why = end, why
        if not self._exited:
            kill_tree(self.pid)

    async def close(self, end: End = End.CLOSED) -> None:
        """Kill the process and wait until it is gone, even if the waiting task is cancelled."""
        self.kill(end)
        await asyncio.shield(self.ended)

    def stopped(self) -> bool:
        """Whether the process was stopped from outside (SIGSTOP)."""
        return is_stopped(self.pid)

    @property
    def usable(self) -> bool:
        """Whether the process runs and is not about to end."""
        return self._end is None

    @property
    def why(self) -> str:
        """Describe the end in one clause, such as `was killed by signal 9`."""
        return self._why

    @property
    def last_words(self) -> str:
        """The end of the process's other output, escaped.

        It may contain request texts: do not show it to other users.
        """
        return self._noise.text()

    # Callbacks of asyncio

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The process started; see asyncio.SubprocessProtocol."""
        self._transport = cast(asyncio.SubprocessTransport, transport)
        self._stdin = cast(asyncio.WriteTransport, self._transport.get_pipe_transport(0))
        self.pid = self._transport.get_pid()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Output arrived; see asyncio.SubprocessProtocol."""
        if fd == 2:
            self._noise.add(data)
        else:
            try:
                for text in self._framer.feed(data):
                    self._take(*read_answer(text))
            except (ProtocolError, FramingError) as error:
                self.kill(End.PROTOCOL_ERROR, str(error))
        if self._noise.total - self._noise_before > self._flood_bytes:
            self.kill(End.FLOOD, f"printed more than {self._flood_bytes} bytes")

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        """A pipe was closed; see asyncio.SubprocessProtocol."""
        self._open_pipes.discard(fd)
        if self._exited and not self._open_pipes:
            self._finish()

    def process_exited(self) -> None:
        """The process ended; its last output may still be in the pipes; see asyncio.SubprocessProtocol."""
        self._exited = True
        if self._end is None:
            self._end, self._why = interpret(self._transport.get_returncode() or 0)
        kill_group(self.pid)
        if self._open_pipes:
            self._loop.call_later(_LAST_WORDS_SECONDS, self._finish)
        else:
            self._finish()

    def control_received(self, line: bytes) -> None:
        """Handle a line of the control socket."""
        try:
            if acknowledged(line) == self._number:
                self._acknowledge()
        except ProtocolError as error:
            self.kill(End.PROTOCOL_ERROR, str(error))

    # Internal

    def _take(self, number: int, fields: Fields) -> None:
        if number == self._number and fields.get("cancelled") is True and self._unacknowledged:
            self._acknowledge()
        elif self._answer is None or self._answer.done() or number != self._number:
            raise ProtocolError(f"answered request {number}, which was not sent")
        else:
            self.served += 1
            self._answer.set_result(fields)

    def _send_cancel(self) -> None:
        self._unacknowledged += 1
        channel = self._control or self._stdin
        channel.write(cancel_line(self._number, self._launch.cancel))

    def _acknowledge(self) -> None:
        self._unacknowledged = max(0, self._unacknowledged - 1)
        if not self._unacknowledged and self._acknowledgement and not self._acknowledgement.done():
            self._acknowledgement.set_result(None)

    def _finish(self) -> None:
        if self.ended.done():
            return
        assert self._end is not None
        self._transport.close()
        self._framer.end()
        if self._control:
            self._control.close()
        self.ended.set_result(self._end)
        if self._answer and not self._answer.done():
            self._answer.set_exception(WorkerEndedError(self._end, self._why))
            self._answer.exception()  # retrieved: the caller may have left, and asyncio would log the exception as an error
