"""Settings of Lake projects, whose theorems are checked with their own toolchain."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from service.ops.config.section import Section


class NativeSettings(Section):
    """Settings of workers with the toolchain of a Lake project."""

    memory_gib: float = Field(default=8.0, gt=0)
    """Memory limit of one worker, excluding the library that all workers share; beyond it, the worker is killed."""
    sandbox: Literal["auto", "always", "never"] = "auto"
    """Use of bubblewrap for workers: `auto` if it is installed and works."""
    quarantine: Literal["sandboxed", "unsandboxed"] = "sandboxed"
    """Unvetted code (lean.quarantine) runs only in bubblewrap; `unsandboxed`: also without it, with the rights of the
    server's user. Use it only if you trust every client.
    """
    options: dict[str, bool | int | str] = Field(default_factory=dict)
    """Lean options that extend or replace those of the project's Lake configuration."""
    any_version: bool = False
    """Whether to accept a Lean outside the supported range, where the rules of a check are untested."""


class ProjectSettings(NativeSettings):
    """A Lake project whose name in requests is that of this table, `[lean.projects.NAME]`."""

    path: Path
    """Folder of the project."""
    imports: tuple[str, ...] = ("Init",)
    """Modules that workers load ahead of requests, and the imports of theorems without import lines."""
    allowed_imports: tuple[str, ...] | None = None
    """Modules that requests may import, each with everything below it; by default all of the project's."""
    workers: int = Field(default=1, ge=1, le=1024)
    """Maximum number of concurrent checks. Workers start with the first request that names the project."""
    spares: int = Field(default=0, ge=0, le=64)
    """Additional warm workers."""


class DojoSettings(Section):
    """LeanDojo, for `pool = "dojo"`. Needs `pip install 'leansieve[dojo]'`, with Python older than 3.13."""

    traced: Path | None = None
    """Traced repository in LeanDojo's cache: `…/gitpython-NAME-COMMIT/NAME`."""
    python: Path | None = None
    """Interpreter with lean-dojo installed; by default this one."""
    processes: int = Field(default=1, ge=1, le=256)
    """Maximum number of Dojos for steps of searches, and again for trying candidates."""
    memory_gib: int = Field(default=8, ge=1)
    """Memory limit of the Lean of one Dojo."""
    sandbox: Literal["always", "never"] = "always"
    """Use of bubblewrap for Dojos, which run unvetted tactics: `never` only if you trust their authors."""
