"""Finds Lake and queries it about a project."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prover.lean.runtimes.native.project import LakeProject, package_options
from prover.lean.runtimes.runtime import RuntimeUnavailableError

# Variables for Lean, Lake, elan and a package's tools; no others of the server's environment are passed on.
_ENVIRONMENT = ("HOME", "ELAN_HOME", "ELAN_TOOLCHAIN", "LAKE_HOME", "LANG", "TMPDIR")
_PROBE = 'lean --version && lean --print-prefix && printf "%s\\n%s\\n" "$LEAN_PATH" "$LEAN_SRC_PATH"'
_PROBE_SECONDS = 120.0
_NAMED_TOOLCHAIN = re.compile(r"(?:(?P<origin>[\w.-]+/[\w.-]+):)?(?P<release>v\d[\w.-]*|nightly-[\w.-]+)")
_OUT_OF_DATE = 3
"""Exit status of `lake build --no-build` if something is to be built."""


@dataclass(frozen=True, slots=True)
class Survey:
    """Version and search paths of a project's Lean.

    Attributes:
        version: output of `lean --version`.
        prefix: folder of the toolchain.
        libraries: folders in which Lean looks for `.olean` files, its own library last.
        sources: folders with the sources of these modules.
    """

    version: str
    prefix: Path
    libraries: tuple[Path, ...]
    sources: tuple[Path, ...]


class Lake:
    """The program `lake`, and the environment for it and its workers."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Search for it on PATH and in elan's folder.

        Raises:
            RuntimeUnavailableError: it is not installed.
        """
        self.elan = Path(environment.get("ELAN_HOME") or Path(environment.get("HOME", "/")) / ".elan")
        places = os.pathsep.join([environment.get("PATH", os.defpath), str(self.elan / "bin")])
        program = shutil.which("lake", path=places)
        if program is None:
            raise RuntimeUnavailableError(
                "the native toolchain needs `lake`, which is neither on PATH nor in ~/.elan/bin: install elan"
            )
        self.program = program
        self.environment = {name: environment[name] for name in _ENVIRONMENT if name in environment}
        # `lake` finds `lean` there; a package's own tools are elsewhere on PATH.
        self.environment["PATH"] = os.pathsep.join([str(Path(program).parent), environment.get("PATH", os.defpath)])

    def require_toolchain(self, project: LakeProject) -> None:
        """Check that elan has installed the project's toolchain, because running anything would download hundreds of
        megabytes.

        Raises:
            RuntimeUnavailableError: it is not installed.
        """
        named = _NAMED_TOOLCHAIN.fullmatch(project.toolchain)
        if named is None or not self._of_elan:  # a channel such as `stable`, a linked toolchain, or no elan
            return
        origin, release = named["origin"] or "leanprover/lean4", named["release"]
        if release.startswith("nightly") and not origin.endswith("-nightly"):
            origin += "-nightly"  # elan finds nightly builds there
        full = f"{origin}:{release}"
        folder = full.replace("/", "--").replace(":", "---")
        if not (self.elan / "toolchains" / folder).exists():
            raise RuntimeUnavailableError(
                f"the toolchain {full} of {project.folder} is not installed: run `elan toolchain install {full}`"
            )

    def survey(self, project: LakeProject) -> Survey:
        """Query the project's Lean for its version and search paths. Takes seconds.

        Raises:
            RuntimeUnavailableError: it does not run; the text shows its output.
        """
        done = self._run(project, ["env", "/bin/sh", "-c", _PROBE], _PROBE_SECONDS)
        lines = done.stdout.splitlines()
        if done.returncode != 0 or len(lines) != 4:
            raise RuntimeUnavailableError(
                f"the toolchain of {project.folder} does not run: `lake env lean` {_ending(done.returncode)}"
                f"{_words(done.stderr or done.stdout)}"
            )
        prefix = Path(lines[1])
        # An entry may be relative to the project folder.
        libraries = tuple(project.folder / entry for entry in lines[2].split(os.pathsep) if entry)
        sources = tuple(project.folder / entry for entry in lines[3].split(os.pathsep) if entry)
        return Survey(lines[0], prefix, (*libraries, prefix / "lib" / "lean"), sources)

    def options(self, project: LakeProject) -> Mapping[str, str]:
        """Return the options that a `lakefile.lean` sets for all files of the package. Lake runs the file, which takes
        seconds.

        Raises:
            RuntimeUnavailableError: Lake cannot read it; the text shows its output.
        """
        with tempfile.TemporaryDirectory(prefix="leansieve-lake-") as folder:
            translated = Path(folder) / "lakefile.toml"
            done = self._run(project, ["translate-config", "toml", str(translated)], _PROBE_SECONDS)
            try:
                if done.returncode == 0:
                    return package_options(translated.read_text(encoding="utf-8"))
                failure = f"{_ending(done.returncode)}{_words(done.stderr or done.stdout)}"
            except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
                failure = f"writes what cannot be read: {error}"
        raise RuntimeUnavailableError(
            f"the options of {project.folder}/lakefile.lean are not known: `lake translate-config toml` {failure}"
        )

    def out_of_date(self, project: LakeProject, seconds: float) -> str | None:
        """Explain why the build of the default targets is out of date; None if it is current. Builds nothing.

        Takes seconds to minutes, because Lake checks every file.
        """
        done = self._run(project, ["build", "--no-build"], seconds)
        if done.returncode == 0:
            return None
        if done.returncode == _OUT_OF_DATE:
            return "sources have changed since they were built"
        return f"`lake build --no-build` {_ending(done.returncode)}{_words(done.stderr or done.stdout)}"

    @property
    def _of_elan(self) -> bool:
        return Path(self.program).parent == self.elan / "bin"

    def _run(self, project: LakeProject, arguments: Sequence[str], seconds: float) -> subprocess.CompletedProcess[str]:
        """Run lake in the project; after `seconds` it is killed with its process group.

        Raises:
            RuntimeUnavailableError: it cannot be started, or took too long.
        """
        command = [self.program, *arguments]
        try:
            process = subprocess.Popen(
                command,
                cwd=project.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            raise RuntimeUnavailableError(f"{self.program} cannot be started: {error.strerror}") from None
        try:
            out, err = process.communicate(timeout=seconds)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            if isinstance(error, subprocess.TimeoutExpired):
                shown = " ".join(["lake", *arguments[:2]])
                raise RuntimeUnavailableError(f"`{shown}` in {project.folder} took more than {seconds:g} s") from None
            raise
        return subprocess.CompletedProcess(command, process.returncode, out, err)


def _ending(code: int) -> str:
    return f"is killed by signal {-code}" if code < 0 else f"exits with status {code}"


def _words(text: str) -> str:
    """Return the end of a program's output, on one line."""
    line = " ".join(text.split())
    return f": {line[-300:]}" if line else ""
