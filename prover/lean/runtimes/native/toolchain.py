"""`NativeToolchain`: workers under the Lean of a Lake project, with all modules the project can import."""

import logging
import os
import threading
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from prover.lean.runtimes.embedded.runtime import joined_program
from prover.lean.runtimes.native import versions
from prover.lean.runtimes.native.build import Modules
from prover.lean.runtimes.native.lake import Lake, Survey
from prover.lean.runtimes.native.limits import ResourceLimits, limited
from prover.lean.runtimes.native.program import publish
from prover.lean.runtimes.native.project import LakeProject, find_project
from prover.lean.runtimes.native.sandbox import Sandbox, find_bubblewrap, sandboxed, trouble
from prover.lean.runtimes.runtime import Launch, RuntimeUnavailableError
from prover.lean.wire.role import ProcessRole

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Prepared:
    lake: Lake
    project: LakeProject
    survey: Survey
    modules: Modules
    library_bytes: int
    program: Path
    bwrap: str | None


class NativeToolchain:
    """A `LeanRuntime` that runs the worker in a Lake project. Its workers load further imports on request."""

    name = "native"
    single_import_set = False
    contained = False
    shares_memory = False  # `.olean` files are shared, but counted separately (limits.py)

    def __init__(
        self,
        project: Path,
        environment: Mapping[str, str] = os.environ,
        limits: ResourceLimits | None = None,
        sandbox: Sandbox = Sandbox.AUTO,
        any_version: bool = False,
        unsealed: bool = False,
    ) -> None:
        """Create the runtime; nothing is started.

        Args:
            project: a folder in a Lake project.
            environment: source of PATH, HOME and ELAN_HOME; workers get only the variables that Lean needs.
            limits: resource limits of one worker.
            sandbox: `AUTO` uses bubblewrap if it is installed and works.
            any_version: whether to accept a Lean outside the supported range.
            unsealed: whether to run unvetted code without a sandbox.
        """
        self._path = project
        self._environment = environment
        self._limits = limits or ResourceLimits()
        self._sandbox = sandbox
        self._any_version = any_version
        self._unsealed = unsealed
        self._prepared: _Prepared | None = None
        self._lock = threading.Lock()

    def prepare(self) -> None:
        """Query the version and paths of the project's Lean; repeated only after a change of the project's
        configuration.

        Raises:
            RuntimeUnavailableError: Lake, the project or its toolchain is missing or unsuitable.
        """
        with self._lock:
            lake = Lake(self._environment)
            project = find_project(self._path)
            if self._prepared is None or self._prepared.project.state != project.state:
                self._prepared = self._prepare(lake, project)

    def _prepare(self, lake: Lake, project: LakeProject) -> _Prepared:
        lake.require_toolchain(project)
        survey = lake.survey(project)
        version = versions.parse(survey.version)
        refusal = versions.refusal(version)
        if refusal is None and version > versions.TESTED:
            _log.warning("%s: Lean %s is untested here; only its certificate vouches for it", project.folder, version)
        if refusal is not None and not self._any_version:
            raise RuntimeUnavailableError(f"{project.folder}: {refusal}")
        if refusal is not None:
            _log.warning("%s: running all the same: %s", project.folder, refusal)
        modules = Modules(survey.libraries, survey.sources)
        if changed := modules.changed(project.folder):
            _log.warning(
                "%d modules of %s have changed since they were built (%s, …): the old build is used; run `lake build`",
                len(changed),
                project.folder,
                changed[0],
            )
        return _Prepared(
            lake, project, survey, modules, modules.size(), publish(joined_program()), self._find_sandbox()
        )

    def has_module(self, module: str) -> bool:
        """Whether `module` is built; also True before `prepare`, when it is unknown."""
        return self._prepared is None or self._prepared.modules.built(module)

    def first(self, imports: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """No preparation: native workers store nothing for later ones."""
        return nullcontext()

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        """Return how to start a worker; requires a successful `prepare`.

        Raises:
            RuntimeUnavailableError: a module of `imports` is not built, or there is no sandbox for an elaborator.
        """
        located = self._here()
        if role is ProcessRole.ELABORATOR and located.bwrap is None and not self._unsealed:
            raise RuntimeUnavailableError(
                "there is no sandbox for unvetted code: install bubblewrap (`apt install bubblewrap`), or set"
                ' `quarantine = "unsandboxed"` for this project if you trust every client'
            )
        if (reason := located.modules.trouble(imports, located.project.folder)) is not None:
            raise RuntimeUnavailableError(reason)
        program = ["lean", "--run", str(located.program)]
        if located.bwrap is not None:
            # The sandbox has no elan, so it runs the toolchain's own program. Lake stays outside because it may write
            # to the project.
            program[0] = str(located.survey.prefix / "bin" / "lean")
            readable = [located.project.folder, located.survey.prefix, located.program, *located.survey.libraries]
            program = sandboxed(located.bwrap, program, readable, located.project.folder)
        argv = limited([located.lake.program, "env", *program], self._limits, located.library_bytes)
        return Launch(argv, located.lake.environment, located.project.folder, cancel="stdin")

    @property
    def version(self) -> str:
        """Return the output of `lean --version`; requires a successful `prepare`."""
        return self._here().survey.version

    def describe(self) -> str:
        """Return version, folder and sandbox in one line; requires a successful `prepare`."""
        located = self._here()
        boxed = "in a sandbox" if located.bwrap is not None else "without a sandbox"
        return f"{located.survey.version} for {located.project.folder}, {boxed}"

    def build_trouble(self, imports: Sequence[str], seconds: float) -> str | None:
        """Describe the parts of the project that are not built, and what to do; None if the build is complete. Asks
        Lake; takes seconds to minutes.

        Raises:
            RuntimeUnavailableError: Lake does not answer within `seconds`.
        """
        located = self._here()
        missing = located.modules.trouble(imports, located.project.folder)
        if missing is None and (reason := located.lake.out_of_date(located.project, seconds)) is not None:
            return f"{reason}: run `lake build` in {located.project.folder}"
        return missing

    def options(self) -> Mapping[str, str]:
        """Return the options that the project sets for its files. For a `lakefile.lean` it asks Lake, which takes
        seconds.

        Raises:
            RuntimeUnavailableError: there is no project, or Lake fails.
        """
        project = find_project(self._path)
        if project.options is not None:
            return project.options
        lake = Lake(self._environment)
        lake.require_toolchain(project)
        return lake.options(project)

    def _here(self) -> _Prepared:
        if self._prepared is None:
            raise RuntimeUnavailableError("the native toolchain was not prepared: call prepare() first")
        return self._prepared

    def _find_sandbox(self) -> str | None:
        if self._sandbox is Sandbox.NEVER:
            return None
        bwrap = find_bubblewrap(self._environment)
        reason = "bubblewrap is not installed" if bwrap is None else trouble(bwrap)
        if reason is None:
            return bwrap
        if self._sandbox is Sandbox.ALWAYS:
            raise RuntimeUnavailableError(f"there is no sandbox for native workers: {reason}")
        _log.info("native workers run without a sandbox: %s", reason)
        return None
