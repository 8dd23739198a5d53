"""Settings of Lake projects, whose theorems are checked under their own toolchain."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from service.ops.config.section import Section


class NativeSettings(Section):
    """How workers run under the toolchain of a Lake project."""

    memory_gib: float = Field(default=8.0, gt=0)
    """Memory of one worker, besides the library that all workers share; above it, the worker is killed."""
    sandbox: Literal["auto", "always", "never"] = "auto"
    """bubblewrap around workers: `auto` where it is installed and works."""
    quarantine: Literal["sandboxed", "unsandboxed"] = "sandboxed"
    """Unvetted code (lean.quarantine) runs in bubblewrap or not at all; `unsandboxed`: also without it, with the
    rights of the server's user. Only if you trust every client."""
    options: dict[str, bool | int | str] = Field(default_factory=dict)
    """Lean options besides, and instead of, those that the project's Lake configuration sets for its package."""
    any_version: bool = False
    """Run on a Lean outside the supported range, too: the rules of a check have not been tried there."""


class ProjectSettings(NativeSettings):
    """A Lake project that requests may name by the name of this table, `[lean.projects.NAME]`."""

    path: Path
    """Folder of the project."""
    imports: tuple[str, ...] = ("Init",)
    """Modules that workers load ahead of requests, and that theorems without import lines stand under."""
    allowed_imports: tuple[str, ...] | None = None
    """Modules that requests may import, each with everything below it; by default all that the project can."""
    workers: int = Field(default=1, ge=1, le=1024)
    """Most checks at once. Workers are started when the first request names the project."""
    spares: int = Field(default=0, ge=0, le=64)
    """Workers kept warm beyond that."""


class DojoSettings(Section):
    """LeanDojo, for `pool = "dojo"`. Needs `pip install 'leansieve[dojo]'`, with Python older than 3.13."""

    traced: Path | None = None
    """Repository as LeanDojo has traced it, in its cache: `…/gitpython-NAME-COMMIT/NAME`."""
    python: Path | None = None
    """Interpreter that has lean-dojo; by default this one."""
    processes: int = Field(default=1, ge=1, le=256)
    """Most Dojos at once that run steps of searches, and as many that look at candidates."""
    memory_gib: int = Field(default=8, ge=1)
    """Memory of the Lean behind one Dojo."""
    sandbox: Literal["always", "never"] = "always"
    """Unvetted tactics run there: `never` only if you trust their authors."""
