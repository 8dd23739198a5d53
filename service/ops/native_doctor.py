"""Diagnosis of Lake projects and LeanDojo."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from prover.lean.runtimes.dojo.launch import DojoUnavailableError, prepare
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.requests import UnavailableError
from service.core.resources.leans import dojo_of, toolchain
from service.ops.config import LeanSettings, NativeSettings

_BUILD_SECONDS = 300.0

Row = tuple[str, Literal["good", "bad"], str, str]
"""Subject, state, finding, advice."""


def projects(settings: LeanSettings) -> Iterator[Row]:
    """Yield a finding for each project of the settings.

    Takes seconds to minutes each, because Lake checks every file.
    """
    if settings.project is not None and settings.runtime != "embedded":
        yield _project("the default project", settings.project, settings.native, settings.imports)
    for name, project in settings.projects.items():
        yield _project(f"project {name}", project.path, project, project.imports)


def dojo(settings: LeanSettings) -> Iterator[Row]:
    """Yield the finding on LeanDojo, if it is configured."""
    try:
        pool = dojo_of(settings)
        if pool is not None:
            prepare(pool.config)
            yield "LeanDojo", "good", f"traced repository {pool.config.traced}", ""
    except (UnavailableError, DojoUnavailableError) as error:
        yield "LeanDojo", "bad", "cannot be used", str(error)


def _project(subject: str, path: Path, native: NativeSettings, imports: tuple[str, ...]) -> Row:
    lean = toolchain(path, native)
    try:
        lean.prepare()
        trouble = lean.build_trouble(imports, _BUILD_SECONDS)
    except RuntimeUnavailableError as error:
        return subject, "bad", "cannot be used", str(error)
    return subject, "bad" if trouble else "good", lean.describe(), trouble or ""
