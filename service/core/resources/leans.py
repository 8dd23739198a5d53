"""Builds worker pools from the settings: the default Lean, and the projects'."""

import functools
import math
import sys
from collections.abc import Mapping
from pathlib import Path

from prover.lean.certify.runtime import CertifiedToolchain
from prover.lean.cluster.pool import ClusterPool
from prover.lean.cluster.ray.local import token_of
from prover.lean.cluster.ray.nodes import RayCluster
from prover.lean.crosscheck.build import find_kernel
from prover.lean.crosscheck.second import SecondKernel
from prover.lean.runtimes.dojo import DojoConfig, DojoPool
from prover.lean.runtimes.embedded.cache.package import Progress as Report
from prover.lean.runtimes.embedded.runtime import EmbeddedLean
from prover.lean.runtimes.native import NativeToolchain, ResourceLimits, Sandbox
from prover.lean.runtimes.native.project import written
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.vetting import allow_list
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool import PoolConfig, PoolUnavailableError, WorkerPool
from prover.lean.workers.projects import ProjectPlace, ProjectRouter
from prover.requests import UnavailableError
from service.ops.config import CrosscheckSettings, LeanSettings, NativeSettings, ProjectSettings

_GIB = 1 << 30
_MAPPED = 6 * _GIB
"""Resident memory that a native worker shares with others: the mapped part of Mathlib, at most."""


def pool_of(settings: LeanSettings, report: Report | None = None, shared: bool = False) -> LeanPool:
    """Return the pool described by the settings; nothing is started.

    Args:
        report: receives the progress of preparing the embedded Lean.
        shared: whether clients that do not trust each other use it.

    Raises:
        UnavailableError: the configured Lean or a project is not available.
    """
    if settings.runtime == "native" and settings.project is None:
        raise UnavailableError("the native toolchain runs in a Lake project: set lean.project to its folder")
    if settings.cluster:
        return _cluster(settings, shared)
    native = settings.project if settings.runtime != "embedded" else None
    try:
        default = _default(settings, report, shared) if native is None else _default_project(settings, native)
        places = {name: _place(settings, project) for name, project in settings.projects.items()}
    except RuntimeUnavailableError as error:
        raise UnavailableError(str(error)) from None
    if not places and not default.options:
        return WorkerPool(default.runtime, default.config)
    return ProjectRouter(default, places)


def _cluster(settings: LeanSettings, shared: bool) -> LeanPool:
    if settings.runtime == "native" or settings.project or settings.projects or settings.pool == "dojo":
        raise UnavailableError(
            "lean.cluster spreads the embedded Lean alone: unset lean.project, lean.projects and lean.pool, or lean.cluster"
        )
    place = _default(settings, None, shared)
    make_pool = functools.partial(WorkerPool, place.runtime, place.config, allow_list())
    try:
        cluster = RayCluster(settings.cluster, make_pool, settings.cluster_token or token_of(settings.cluster))
    except PoolUnavailableError as error:
        raise UnavailableError(str(error)) from None
    recheck, most_hosts = settings.cluster_recheck, settings.cluster_hosts
    return ClusterPool(cluster, place.runtime, place.config, recheck=recheck, most_hosts=most_hosts)


def second_of(settings: CrosscheckSettings) -> SecondKernel | None:
    """Return the second kernel; None if it is absent and not required by the settings. Nothing is started.

    Raises:
        UnavailableError: a required kernel is absent.
    """
    try:
        library = find_kernel(settings.kernel)
    except RuntimeUnavailableError as error:
        if settings.always or settings.kernel is not None:
            raise UnavailableError(str(error)) from None
        return None
    return SecondKernel(library, int(settings.memory_gib * 1024))


def dojo_of(settings: LeanSettings) -> DojoPool | None:
    """Return LeanDojo, if configured.

    Raises:
        UnavailableError: the settings do not locate it.
    """
    if settings.pool == "worker":
        return None
    dojo = settings.dojo
    if dojo.traced is None:
        raise UnavailableError(
            "--pool dojo needs a repository that LeanDojo has traced: set lean.dojo.traced to its folder"
        )
    python = dojo.python or Path(sys.executable)
    return DojoPool(
        DojoConfig(dojo.traced, python, dojo.processes, memory_gib=dojo.memory_gib, sandbox=Sandbox(dojo.sandbox))
    )


def toolchain(path: Path, native: NativeSettings) -> NativeToolchain:
    """Return the toolchain of a project, with these limits."""
    limits = ResourceLimits(memory_bytes=math.ceil(native.memory_gib * _GIB))
    return NativeToolchain(
        path,
        limits=limits,
        sandbox=Sandbox(native.sandbox),
        any_version=native.any_version,
        unsealed=native.quarantine == "unsandboxed",
    )


def _default(settings: LeanSettings, report: Report | None, shared: bool) -> ProjectPlace:
    config = PoolConfig(
        workers=settings.workers,
        spares=settings.spares,
        imports=settings.imports,
        allowed_imports=settings.allowed_imports,
        contained_imports=_contained(settings),
        quarantines=settings.quarantines,
        max_queued=settings.queue,
        switch_share=settings.switch_share if shared else None,
    )
    return ProjectPlace(EmbeddedLean(report) if report else EmbeddedLean(), config)


def _contained(settings: LeanSettings) -> tuple[str, ...]:
    # `Lean` imports `Std`, so a shorter list would allow it indirectly.
    narrowed = "allowed_imports" in settings.model_fields_set and "contained_imports" not in settings.model_fields_set
    return () if narrowed or settings.quarantine == "never" else settings.contained_imports


def _default_project(settings: LeanSettings, path: Path) -> ProjectPlace:
    # The embedded Lean offers only Init and Std; a project's modules are chosen by its owner.
    is_set = "allowed_imports" in settings.model_fields_set
    return _native(
        settings,
        path,
        settings.native,
        workers=settings.workers,
        spares=settings.spares,
        imports=settings.imports,
        allowed_imports=settings.allowed_imports if is_set else None,
        queue=settings.queue,
    )


def _place(settings: LeanSettings, project: ProjectSettings) -> ProjectPlace:
    return _native(
        settings,
        project.path,
        project,
        workers=project.workers,
        spares=project.spares,
        imports=project.imports,
        allowed_imports=project.allowed_imports,
    )


def _native(
    settings: LeanSettings,
    path: Path,
    native: NativeSettings,
    *,
    workers: int | None,
    spares: int | None,
    imports: tuple[str, ...],
    allowed_imports: tuple[str, ...] | None,
    queue: int = 4096,
) -> ProjectPlace:
    runtime = toolchain(path, native)
    memory = math.ceil(native.memory_gib * _GIB)
    config = PoolConfig(
        workers=workers,
        spares=spares,
        imports=imports,
        allowed_imports=allowed_imports,
        max_queued=queue,
        start_seconds=600.0,  # the first import of Mathlib from a cold disk is slow
        worker_bytes=memory // 2,
        recycle_bytes=memory * 3 // 4 + _MAPPED,
        kill_bytes=memory + _MAPPED,
    )
    options = {**runtime.options(), **_options(native.options)}
    if settings.certify == "never":
        return ProjectPlace(runtime, config, options)
    return ProjectPlace(CertifiedToolchain(runtime, settings.uncertified == "quarantine"), config, options)


def _options(options: Mapping[str, bool | int | str]) -> dict[str, str]:
    values = {name: written(value) for name, value in options.items()}
    unfit = [name for name, value in values.items() if value is None]
    if unfit:
        raise UnavailableError(f"the option {unfit[0]} of a Lean project has a value that no option of Lean can have")
    return {name: value for name, value in values.items() if value is not None}
