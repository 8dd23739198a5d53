"""Drives one Dojo in a child process."""

import asyncio
import contextlib
import json
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from prover.concurrency.tasks import spawned
from prover.lean.processes.tree import kill_tree
from prover.lean.runtimes.dojo.launch import DojoConfig, DojoUnavailableError, command, require_sandbox
from prover.theorem import Theorem
from prover.verdict import Limits

_LONGEST_ANSWER = 4 << 20


class DojoEndedError(RuntimeError):
    """A Dojo has ended: its time was up, it crashed, or it gave an invalid answer.

    Attributes:
        late: whether its time was up.
    """

    def __init__(self, reason: str, late: bool = False) -> None:
        """Store one sentence."""
        super().__init__(reason)
        self.late = late


@dataclass(frozen=True, slots=True)
class TacticAnswer:
    """Result of a tactic: `state` with a number and goals, `finished`, `given_up`, or `error` with Lean's text."""

    kind: str
    state: int = -1
    goals: str = ""
    text: str = ""


class DojoProcess:
    """A Dojo on one theorem, for one request at a time; any error ends its process."""

    def __init__(
        self, process: asyncio.subprocess.Process, scratch: tempfile.TemporaryDirectory[str], traced: Path
    ) -> None:
        """Internal; call `start`."""
        self._process = process
        self._scratch = scratch
        self._traced = traced
        self._stem = f"Leansieve_{secrets.token_hex(8)}_"
        self.pid = process.pid
        self.steps = 0
        self.born = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, config: DojoConfig, theorem: Theorem, limits: Limits) -> tuple[Self, TacticAnswer]:
        """Start a Dojo and return it with its first state.

        Raises:
            DojoUnavailableError: it cannot be started.
            DojoEndedError: the start failed; its processes are gone.
        """
        await asyncio.to_thread(require_sandbox, config)
        dojo = await spawned(cls._spawn(config), cls.close)
        first = {
            "code": _code(theorem, limits),
            "file": f"{dojo._stem}.lean",
            "folder": config.traced.parent.name,
            "name": config.traced.name,
            "seconds": config.start_seconds,
            "life": config.start_seconds + config.life_seconds + limits.seconds,  # after any tactic can still run
        }
        return dojo, await dojo._ask(first, config.start_seconds)

    @classmethod
    async def _spawn(cls, config: DojoConfig) -> Self:
        scratch = tempfile.TemporaryDirectory(prefix="leansieve-dojo-", ignore_cleanup_errors=True)
        try:
            argv, env = command(config, Path(scratch.name))
            process = await asyncio.create_subprocess_exec(
                *argv,
                env=env,
                cwd=scratch.name,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # would show request texts
                limit=_LONGEST_ANSWER,
                start_new_session=True,
            )
        except BaseException as error:
            scratch.cleanup()
            if isinstance(error, OSError):
                raise DojoUnavailableError(f"LeanDojo cannot be started: {error.strerror}") from None
            raise
        return cls(process, scratch, config.traced)

    async def run(self, state: int, tactic: str, seconds: float) -> TacticAnswer:
        """Run a tactic in a state.

        Raises:
            DojoEndedError: there was no answer in time, or an invalid one; the processes are gone.
        """
        self.steps += 1
        return await self._ask({"state": state, "tactic": tactic}, seconds)

    async def close(self) -> None:
        """End the process and its children, even if the waiting task is cancelled."""
        await asyncio.shield(asyncio.ensure_future(self._close()))

    @property
    def alive(self) -> bool:
        """Whether the process can take a request."""
        return self._process.returncode is None

    async def _ask(self, request: Mapping[str, Any], seconds: float) -> TacticAnswer:
        assert self._process.stdin
        assert self._process.stdout
        try:
            async with asyncio.timeout(seconds):
                self._process.stdin.write(json.dumps(request).encode() + b"\n")
                await self._process.stdin.drain()
                line = await self._process.stdout.readline()
            return _read(line)
        except TimeoutError:
            await self.close()
            raise DojoEndedError(f"LeanDojo did not answer within {seconds:g} s", late=True) from None
        except (DojoEndedError, OSError, ValueError) as error:
            await self.close()
            raise DojoEndedError(f"LeanDojo broke: {error}") from None
        except BaseException:
            await self.close()
            raise

    async def _close(self) -> None:
        await asyncio.to_thread(kill_tree, self.pid)
        await self._process.wait()
        if self._process.stdin:
            self._process.stdin.close()
        transport = getattr(self._process, "_transport", None)
        if transport is not None:
            transport.close()
        await asyncio.to_thread(self._clean)

    def _clean(self) -> None:
        self._scratch.cleanup()
        # Without a sandbox, lean-dojo's file is in the repository; a killed process has not removed it.
        for file in self._traced.glob(f"{self._stem}*.lean"):
            file.unlink(missing_ok=True)


def fits(config: DojoConfig, tactic: str) -> bool:
    """Whether lean-dojo can pass a tactic to Lean: the terminal between them interprets U+007F."""
    try:
        request = json.dumps({"sid": 1 << 30, "cmd": tactic}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return len(request) <= config.request_bytes and "\x7f" not in tactic


def _code(theorem: Theorem, limits: Limits) -> str:
    """Return the source file for Lean. The theorem's author can put any code into it, hence the sandbox."""
    header = theorem.header
    imports = "\n".join(f"import {module}" for module in ("Lean4Repl", *header.imports))
    options = f"set_option maxRecDepth {limits.recursion}\nset_option maxHeartbeats {limits.heartbeats}"
    parts = (
        imports,
        header.prelude,
        options,
        theorem.context,
        f"{theorem.statement} := by\n  lean_dojo_repl\n  sorry\n",
    )
    return "\n".join(part for part in parts if part)


def _read(line: bytes) -> TacticAnswer:
    """Parse an answer of the child.

    Raises:
        DojoEndedError: the child reports its end, or violates the protocol.
    """
    if not line.endswith(b"\n"):
        raise DojoEndedError("its process ended")
    fields = json.loads(line)
    kind = fields.get("kind") if isinstance(fields, dict) else None
    if kind == "broken":
        raise DojoEndedError(str(fields.get("text")))
    with contextlib.suppress(KeyError):
        if (
            kind == "state"
            and type(fields["state"]) is int
            and isinstance(fields["goals"], str)
            and "⊢" in fields["goals"]
        ):
            return TacticAnswer("state", fields["state"], fields["goals"])
        if kind == "error" and isinstance(fields["text"], str):
            return TacticAnswer("error", text=fields["text"])
        if kind in ("finished", "given_up"):
            return TacticAnswer(kind)
    raise DojoEndedError("it said something that does not fit")
