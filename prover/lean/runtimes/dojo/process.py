"""One Dojo in a process of its own, seen from outside."""

import asyncio
import contextlib
import json
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from prover.lean.processes.spawn import spawned
from prover.lean.processes.tree import kill_tree
from prover.lean.runtimes.dojo.launch import DojoConfig, DojoUnavailableError, command, require_sandbox
from prover.theorem import Theorem
from prover.verdict import Limits

_LONGEST_ANSWER = 4 << 20


class DojoEndedError(RuntimeError):
    """A Dojo is over: its time was up, it crashed, or it said something that cannot be relied on.

    Attributes:
        late: whether its time was up.
    """

    def __init__(self, reason: str, late: bool = False) -> None:
        """Keep one sentence."""
        super().__init__(reason)
        self.late = late


@dataclass(frozen=True, slots=True)
class TacticAnswer:
    """What came of a tactic: `state` with a number and goals, `finished`, `given_up`, or `error` with Lean's text."""

    kind: str
    state: int = -1
    goals: str = ""
    text: str = ""


class DojoProcess:
    """A Dojo on one theorem. Ask one thing at a time; after any error there is nothing left of it."""

    def __init__(
        self, process: asyncio.subprocess.Process, scratch: tempfile.TemporaryDirectory[str], traced: Path
    ) -> None:
        """Use `start`."""
        self._process = process
        self._scratch = scratch
        self._traced = traced
        self._stem = f"Leansieve_{secrets.token_hex(8)}_"
        self.pid = process.pid
        self.steps = 0
        self.born = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, config: DojoConfig, theorem: Theorem, limits: Limits) -> tuple[Self, TacticAnswer]:
        """Start one; returns the first state, too.

        Raises:
            DojoUnavailableError: it cannot be started.
            DojoEndedError: it did not come up; nothing of it is left.
        """
        await asyncio.to_thread(require_sandbox, config)
        dojo = await spawned(cls._spawn(config), cls.close)
        first = {
            "code": _code(theorem, limits),
            "file": f"{dojo._stem}.lean",
            "folder": config.traced.parent.name,
            "name": config.traced.name,
            "seconds": config.start_seconds,
            "life": config.start_seconds + config.life_seconds + limits.seconds,  # when no tactic can be under way
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
                stderr=asyncio.subprocess.DEVNULL,  # shows the texts of requests
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
            DojoEndedError: no answer came in time, or none that can be relied on; nothing of the process is left.
        """
        self.steps += 1
        return await self._ask({"state": state, "tactic": tactic}, seconds)

    async def close(self) -> None:
        """End it, with all that it started, even if the waiting task is cancelled."""
        await asyncio.shield(asyncio.ensure_future(self._close()))

    @property
    def alive(self) -> bool:
        """Whether it can be asked."""
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
        # Without a sandbox, lean-dojo's file lies in the repository; a process that was killed has not removed it.
        for file in self._traced.glob(f"{self._stem}*.lean"):
            file.unlink(missing_ok=True)


def fits(config: DojoConfig, tactic: str) -> bool:
    """Whether lean-dojo can pass a tactic on to Lean. Between them is a terminal, whose line editor sees U+007F."""
    try:
        request = json.dumps({"sid": 1 << 30, "cmd": tactic}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return len(request) <= config.request_bytes and "\x7f" not in tactic


def _code(theorem: Theorem, limits: Limits) -> str:
    """The file that Lean reads. The author of a theorem's texts can put anything into it: hence the sandbox."""
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
    """An answer of the child.

    Raises:
        DojoEndedError: the child says that it is over, or something that does not fit the protocol.
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
