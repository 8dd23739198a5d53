"""One Dojo in a process of its own, seen from outside."""

import asyncio
import contextlib
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from prover.lean.native.limits import ResourceLimits, limited
from prover.lean.native.sandbox import Sandbox, find_bubblewrap, sandboxed, trouble
from prover.lean.tree import kill_tree
from prover.theorem import Theorem
from prover.verdict import Limits

_CHILD = Path(__file__).with_name("child.py")
_LONGEST_ANSWER = 4 << 20
_INSIDE = Path("/tmp/dojo")
_ENVIRONMENT = ("PATH", "LANG", "ELAN_HOME")


class DojoUnavailableError(RuntimeError):
    """LeanDojo cannot be used here; the text says what is missing."""


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
class DojoConfig:
    """Where LeanDojo is and what it may take.

    Attributes:
        traced: a repository as LeanDojo has traced it, in its cache: `…/gitpython-NAME-COMMIT/NAME`.
        python: the interpreter that has lean-dojo.
        processes: most Dojos at once. Each is a Python and a Lean that imports the theorem's imports.
        start_seconds: how long a Dojo may take to come up.
        life_seconds: how long one is used; a longer search goes on in a new one.
        life_steps: most tactics in one.
        request_bytes: longest request; the terminal between lean-dojo and Lean loses what is longer than 4,095.
        memory_gib: memory of its Lean.
        sandbox: tactics are run that nobody has vetted, so that without bubblewrap a Dojo starts only if told `NEVER`.
        readable: folders that the sandbox shows beside Python, Lean and the repository.
        environment: where PATH, HOME and ELAN_HOME are read.
    """

    traced: Path
    python: Path = Path(sys.executable)
    processes: int = 1
    start_seconds: float = 300.0
    life_seconds: float = 600.0
    life_steps: int = 1_000
    request_bytes: int = 4_000
    memory_gib: int = 8
    sandbox: Sandbox = Sandbox.ALWAYS
    readable: Sequence[Path] = ()
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))


@dataclass(frozen=True, slots=True)
class Answer:
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
    async def start(cls, config: DojoConfig, theorem: Theorem, limits: Limits) -> tuple[Self, Answer]:
        """Start one; returns the first state, too.

        Raises:
            DojoUnavailableError: it cannot be started.
            DojoEndedError: it did not come up; nothing of it is left.
        """
        await asyncio.to_thread(prepare, config)
        scratch = tempfile.TemporaryDirectory(prefix="leansieve-dojo-", ignore_cleanup_errors=True)
        try:
            argv, env = _command(config, Path(scratch.name))
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
        dojo = cls(process, scratch, config.traced)
        first = {
            "code": _code(theorem, limits),
            "file": f"{dojo._stem}.lean",
            "folder": config.traced.parent.name,
            "name": config.traced.name,
            "seconds": config.start_seconds,
        }
        return dojo, await dojo._ask(first, config.start_seconds)

    async def run(self, state: int, tactic: str, seconds: float) -> Answer:
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

    async def _ask(self, request: Mapping[str, Any], seconds: float) -> Answer:
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


def prepare(config: DojoConfig) -> None:
    """See that all is there.

    Raises:
        DojoUnavailableError: it is not.
    """
    if not (config.traced / "Lean4Repl.lean").is_file():
        raise DojoUnavailableError(
            f"{config.traced} is no repository that LeanDojo has traced: it has no Lean4Repl.lean (docs/native.md)"
        )
    if config.sandbox is not Sandbox.NEVER:
        bwrap = find_bubblewrap(config.environment)
        reason = "bubblewrap is not installed" if bwrap is None else trouble(bwrap)
        if reason is not None:
            raise DojoUnavailableError(f"LeanDojo runs tactics that nobody has vetted, and needs a sandbox: {reason}")


def fits(config: DojoConfig, tactic: str) -> bool:
    """Whether lean-dojo can pass a tactic on to Lean. Between them is a terminal, whose line editor sees U+007F."""
    try:
        request = json.dumps({"sid": 1 << 30, "cmd": tactic}, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return len(request) <= config.request_bytes and "\x7f" not in tactic


def _command(config: DojoConfig, scratch: Path) -> tuple[list[str], dict[str, str]]:
    """The command line and the whole environment of a Dojo's process."""
    env = {name: config.environment[name] for name in _ENVIRONMENT if name in config.environment}
    boxed = config.sandbox is not Sandbox.NEVER
    home = _INSIDE if boxed else scratch
    env |= {
        "HOME": str(home),
        "TMPDIR": str(home),
        "TMP_DIR": str(home),
        "CACHE_DIR": str(home / "cache" if boxed else config.traced.parent.parent.absolute()),
        "DISABLE_REMOTE_CACHE": "1",
        "TACTIC_MEMORY_LIMIT": f"{config.memory_gib}g",
        "NUM_PROCS": "2",  # one less are its workers
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    elan = Path(config.environment.get("ELAN_HOME") or Path(config.environment.get("HOME", "/")) / ".elan")
    if elan.is_dir():
        env["ELAN_HOME"] = str(elan)
        env["PATH"] = os.pathsep.join([str(elan / "bin"), env.get("PATH", os.defpath)])
    argv = [str(config.python), "-X", "utf8", str(_CHILD)]
    if boxed:
        bwrap = find_bubblewrap(config.environment)
        assert bwrap is not None, "prepare has looked"
        base = config.python.resolve().parent.parent
        readable = [config.python.absolute().parent.parent, base, _CHILD, elan, *config.readable]
        boxed_argv = sandboxed(bwrap, argv, readable, Path("/"))
        place = boxed_argv.index("--chdir")
        argv = [*boxed_argv[:place], *_writable_copy(config.traced), *boxed_argv[place:]]
    life = ResourceLimits(None, cpu_seconds=int(4 * (config.start_seconds + config.life_seconds)))
    return limited(argv, life, 0), env


def _writable_copy(traced: Path) -> list[str]:
    """bubblewrap's options for the repository where lean-dojo may write beside its files, but not to them."""
    inside = _INSIDE / "cache" / traced.parent.name / traced.name
    options = ["--dir", str(inside)]
    for entry in sorted(traced.iterdir()):
        if entry.name != ".lake":
            options += ["--ro-bind", str(entry.resolve()), str(inside / entry.name)]
    # Lake keeps what it has read of the configuration in `.lake/config`, and writes it anew.
    for entry in sorted((traced / ".lake").glob("*")):
        if entry.name != "config":
            options += ["--ro-bind", str(entry.resolve()), str(inside / ".lake" / entry.name)]
    return options


def _code(theorem: Theorem, limits: Limits) -> str:
    """The file that Lean reads. Whoever wrote the texts of the theorem can put anything into it: hence the sandbox."""
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


def _read(line: bytes) -> Answer:
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
            return Answer("state", fields["state"], fields["goals"])
        if kind == "error" and isinstance(fields["text"], str):
            return Answer("error", text=fields["text"])
        if kind in ("finished", "given_up"):
            return Answer(kind)
    raise DojoEndedError("it said something that does not fit")
