"""How the process of a Dojo is started: what LeanDojo needs, under which bounds, and the sandbox around it."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prover.lean.runtimes.native.limits import ResourceLimits, limited
from prover.lean.runtimes.native.sandbox import Sandbox, find_bubblewrap, sandboxed, trouble

_CHILD = Path(__file__).with_name("child.py")
_INSIDE = Path("/tmp/dojo")
_ENVIRONMENT = ("PATH", "LANG", "ELAN_HOME")
_PROBE = "import importlib.util, sys; sys.exit(importlib.util.find_spec('lean_dojo') is None)"
_PROBE_SECONDS = 60.0


class DojoUnavailableError(RuntimeError):
    """LeanDojo cannot be used here; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class DojoConfig:
    """Where LeanDojo is and what it may take.

    Attributes:
        traced: a repository as LeanDojo has traced it, in its cache: `…/gitpython-NAME-COMMIT/NAME`.
        python: the interpreter that has lean-dojo.
        processes: most Dojos at once that step through proofs, and as many that look at candidates. Each is a Python and
            a Lean that imports the theorem's imports.
        start_seconds: how long a Dojo may take to come up.
        life_seconds: how long one is used; a longer search goes on in a new one. An idle one ends by itself.
        life_steps: most tactics in one.
        request_bytes: longest request; the terminal between lean-dojo and Lean loses what is longer than 4,095.
        memory_gib: memory of its Lean.
        sandbox: unvetted tactics are run, so that without bubblewrap a Dojo starts only if told `NEVER`.
        readable: folders that the sandbox shows besides Python, Lean and the repository.
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


def prepare(config: DojoConfig) -> None:
    """See that all is there.

    Raises:
        DojoUnavailableError: it is not.
    """
    if not (config.traced / "Lean4Repl.lean").is_file():
        raise DojoUnavailableError(
            f"{config.traced} is no repository that LeanDojo has traced: it has no Lean4Repl.lean (docs/native.md)"
        )
    require_sandbox(config)
    try:
        done = subprocess.run(
            [str(config.python), "-c", _PROBE], capture_output=True, timeout=_PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DojoUnavailableError(f"the Python for LeanDojo does not run: {error}") from None
    if done.returncode:
        raise DojoUnavailableError(
            f"{config.python} has no lean-dojo: pip install 'leansieve[dojo]' with Python older than 3.13, and name that"
            " Python in lean.dojo.python"
        )


def require_sandbox(config: DojoConfig) -> None:
    """See that there is a sandbox, where one is wanted.

    Raises:
        DojoUnavailableError: there is none.
    """
    if config.sandbox is not Sandbox.NEVER:
        bwrap = find_bubblewrap(config.environment)
        reason = "bubblewrap is not installed" if bwrap is None else trouble(bwrap)
        if reason is not None:
            raise DojoUnavailableError(f"LeanDojo runs tactics that nobody has vetted, and needs a sandbox: {reason}")


def command(config: DojoConfig, scratch: Path) -> tuple[list[str], dict[str, str]]:
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
    """bubblewrap's options for the repository where lean-dojo may write next to its files, but not to them."""
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
