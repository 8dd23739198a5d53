"""Starts the process of a Dojo: requirements of LeanDojo, limits, and the sandbox."""

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
    """Location and limits of LeanDojo.

    Attributes:
        traced: a traced repository in LeanDojo's cache: `…/gitpython-NAME-COMMIT/NAME`.
        python: interpreter with lean-dojo installed.
        processes: maximum number of Dojos for stepwise proving, and again for trying candidates. Each is a Python and a
            Lean process with the theorem's imports.
        start_seconds: limit of a Dojo's start.
        life_seconds: life time of a Dojo; a longer search continues in a new one. An idle one ends by itself.
        life_steps: maximum number of tactics in a Dojo.
        request_bytes: maximum size of a request; the terminal between lean-dojo and Lean truncates lines above 4,095
            bytes.
        memory_gib: memory limit of its Lean in GiB.
        sandbox: use of bubblewrap. Dojos run unvetted tactics, so that without bubblewrap one starts only under
            `NEVER`.
        readable: folders readable in the sandbox in addition to Python, Lean and the repository.
        environment: source of PATH, HOME and ELAN_HOME.
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
    """Check the requirements.

    Raises:
        DojoUnavailableError: something is missing.
    """
    if not (config.traced / "Lean4Repl.lean").is_file():
        raise DojoUnavailableError(
            f"{config.traced} is not a repository traced by LeanDojo: it has no Lean4Repl.lean (docs/native.md)"
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
    """Check that a required sandbox is available.

    Raises:
        DojoUnavailableError: it is not.
    """
    if config.sandbox is not Sandbox.NEVER:
        bwrap = find_bubblewrap(config.environment)
        reason = "bubblewrap is not installed" if bwrap is None else trouble(bwrap)
        if reason is not None:
            raise DojoUnavailableError(f"LeanDojo runs unvetted tactics, and needs a sandbox: {reason}")


def command(config: DojoConfig, scratch: Path) -> tuple[list[str], dict[str, str]]:
    """Return the command line and the complete environment of a Dojo's process."""
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
        "NUM_PROCS": "2",  # lean-dojo runs one worker fewer
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
    """bubblewrap options for the repository: lean-dojo may write new files next to the existing ones, but not change
    these.
    """
    inside = _INSIDE / "cache" / traced.parent.name / traced.name
    options = ["--dir", str(inside)]
    for entry in sorted(traced.iterdir()):
        if entry.name != ".lake":
            options += ["--ro-bind", str(entry.resolve()), str(inside / entry.name)]
    # Lake caches the parsed configuration in `.lake/config` and rewrites it.
    for entry in sorted((traced / ".lake").glob("*")):
        if entry.name != "config":
            options += ["--ro-bind", str(entry.resolve()), str(inside / ".lake" / entry.name)]
    return options
