"""Routes theorems to the pools of several Lean projects.

A theorem names a project by its name in the settings (`Theorem.project`), never by a path. Each project has its own
toolchain, workers and limits; they start with the project's first theorem.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from typing import TypeVar

from prover.candidate import Candidate
from prover.lean.checker import DEFAULT_TERMS, Checker, Terms
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.vetting import allow_list
from prover.lean.wire.answers import Export
from prover.lean.wire.checks import header_moved
from prover.lean.wire.lines import Request
from prover.lean.workers.isolation.isolated import IsolatedChecker
from prover.lean.workers.lean_pool import LeanPool, PoolSite
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.lean.workers.stats import PoolStats
from prover.theorem import Theorem
from prover.verdict import Verdict

T = TypeVar("T")


class UnknownProjectError(ValueError):
    """A theorem names a project that is not configured."""


@dataclass(frozen=True, slots=True)
class ProjectPlace:
    """A project with its runtime and its workers.

    Attributes:
        runtime: the project's Lean.
        config: configuration of its workers.
        options: Lean options of its files, placed before those of a request. Options that requests may not set
            (prover/lean/vetting/options.toml) are left out: they control warnings or are unknown.
    """

    runtime: LeanRuntime
    config: PoolConfig
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def prelude(self) -> str:
        """Return the options as one line of a header; empty if there are none."""
        listed = [option["name"] for option in allow_list()["options"]]
        allowed = [name for name in self.options if any(fnmatchcase(name, pattern) for pattern in listed)]
        return " ".join(f"set_option {name} {self.options[name]}" for name in allowed)


def unknown(project: str, known: Iterable[str]) -> str:
    """Return the sentence about a project that is not among those of the settings."""
    names = ", ".join(known)
    return f"there is no project {project!r}; " + (
        f"there is {names}" if names else "the settings name none (`[lean.projects.NAME]`, docs/native.md)"
    )


class ProjectRouter(LeanPool):
    """Holds a pool for each project and routes each theorem to its project's pool. Statistics cover all pools."""

    def __init__(self, default: ProjectPlace, projects: Mapping[str, ProjectPlace]) -> None:
        """Create the router; nothing is started.

        Args:
            default: pool for theorems that name no project.
            projects: the other projects, by name.
        """
        self._default = WorkerPool(default.runtime, default.config)
        self.tally, self.turns = self._default.tally, self._default.turns
        self._preludes = {"": default.prelude, **{name: place.prelude for name, place in projects.items()}}
        self._imports = {name: place.config.imports for name, place in {"": default, **projects}.items()}
        self._projects = {
            name: WorkerPool(place.runtime, place.config, tally=self.tally) for name, place in projects.items()
        }
        self._started: set[str] = set()
        self._starting = asyncio.Lock()
        self._closed = False

    async def start(self) -> None:
        """See `LeanPool.start`: starts the default pool; those of projects start on demand."""
        await self._default.start()

    async def ready(self) -> None:
        """See `LeanPool.ready`: waits for a worker of the default pool."""
        await self._default.ready()

    @property
    def projects(self) -> tuple[str, ...]:
        """The project names that theorems may use."""
        return tuple(self._projects)

    @property
    def lean_versions(self) -> dict[str, str]:
        """Lean version of each project; empty until one of its workers was warm."""
        return {name: pool.lean_version for name, pool in self._projects.items()}

    def of(self, project: str) -> WorkerPool:
        """Return the pool of a project; the default one for the empty name. It may not be started.

        Raises:
            UnknownProjectError: there is no such project.
        """
        if not project:
            return self._default
        if project not in self._projects:
            raise UnknownProjectError(unknown(project, self._projects))
        return self._projects[project]

    async def started(self, project: str) -> WorkerPool:
        """Return the pool of a project and start it if needed. Raises as `of`."""
        pool = self.of(project)
        async with self._starting:
            if project and project not in self._started and not self._closed:
                self._started.add(project)
                await pool.start()
        return pool

    async def close(self) -> None:
        """End all processes of all pools."""
        self._closed = True
        started = [self._projects[name] for name in self._started]
        await asyncio.gather(self._default.close(), *(pool.close() for pool in started))

    @contextlib.asynccontextmanager
    async def isolated(
        self,
        imports: tuple[str, ...] | None = None,
        within: Callable[[LeanPool], Checker] = IsolatedChecker,
        project: str = "",
    ) -> AsyncIterator[Checker]:
        """Lend a checker for theorems of one project; see `WorkerPool.isolated`."""
        pool = await self.started(project)
        async with pool.isolated(imports, within) as checker:
            yield _WithOptions(checker, self._preludes[project], self._imports[project])

    def stats(self) -> PoolStats:
        """A snapshot of all pools."""
        parts = [self._default.stats(), *(self._projects[name].stats() for name in sorted(self._started))]
        return replace(
            parts[0],
            workers=tuple(worker for part in parts for worker in part.workers),
            queued=sum(part.queued for part in parts),
            isolated=sum(part.isolated for part in parts),
        )

    async def place(self, theorem: Theorem) -> PoolSite:
        """See `LeanPool.place`."""
        return await self.started(theorem.project)

    def only_contained(self, theorem: Theorem) -> bool:
        """See `LeanPool.only_contained`. Raises as `of`."""
        return self.of(theorem.project).only_contained(theorem)

    def starts_for(self, theorem: Theorem) -> bool:
        """See `LeanPool.starts_for`. Raises as `of`."""
        return self.of(theorem.project).starts_for(self._within(theorem))

    def pointing_back(self, theorem: Theorem, result: T) -> T:
        """See `LeanPool.pointing_back`."""
        return header_moved(result, -1 if self._preludes[theorem.project] else 0)

    def canonical(self, theorem: Theorem) -> Theorem:
        """See `LeanPool.canonical`, with the options and imports of the theorem's project. Raises as `of`."""
        return self.of(theorem.project).canonical(self._within(theorem))

    async def answered(self, make: Callable[[Theorem], Request[T]], theorem: Theorem, terms: Terms) -> T:
        """See `StatementQuestions.answered`. Raises as `of`."""
        pool = await self.started(theorem.project)
        return self.pointing_back(theorem, await pool.answered(make, self._within(theorem), terms))

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        """See `LeanPool.check`. Raises as `of`."""
        pool = await self.started(theorem.project)
        return self.pointing_back(theorem, await pool.check(self._within(theorem), candidate, terms))

    async def exported(
        self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS
    ) -> tuple[Verdict, Export | None]:
        """See `LeanPool.exported`. Raises as `of`."""
        pool = await self.started(theorem.project)
        verdict, export = await pool.exported(self._within(theorem), candidate, terms)
        return self.pointing_back(theorem, verdict), export

    def _within(self, theorem: Theorem) -> Theorem:
        return _under(theorem, self._preludes[theorem.project], self._imports[theorem.project])

    @property
    def imports(self) -> tuple[str, ...]:
        """See `LeanPool.imports`: those of the default pool."""
        return self._default.imports

    @property
    def runtime(self) -> str:
        """See `LeanPool.runtime`: that of the default pool."""
        return self._default.runtime

    @property
    def idle_seconds(self) -> float:
        """See `LeanPool.idle_seconds`."""
        return self._default.idle_seconds

    @property
    def size(self) -> int:
        """See `LeanPool.size`: of the default pool."""
        return self._default.size

    @property
    def lean_version(self) -> str:
        """See `LeanPool.lean_version`: of the default pool."""
        return self._default.lean_version

    @property
    def worker_version(self) -> str:
        """See `LeanPool.worker_version`: of the default pool."""
        return self._default.worker_version


class _WithOptions:
    """A checker that adds a project's options."""

    def __init__(self, checker: Checker, prelude: str, imports: tuple[str, ...]) -> None:
        self._checker = checker
        self._prelude = prelude
        self._imports = imports

    async def check(self, theorem: Theorem, candidate: Candidate, terms: Terms = DEFAULT_TERMS) -> Verdict:
        theorem = _under(theorem, self._prelude, self._imports)
        verdict = await self._checker.check(theorem, candidate, terms)
        return header_moved(verdict, -1 if self._prelude else 0)


def _under(theorem: Theorem, prelude: str, imports: tuple[str, ...]) -> Theorem:
    """Return the theorem with the line of options before its own, and with the project's imports if it has none."""
    header = theorem.header
    joined = "\n".join(filter(None, (prelude, header.prelude)))
    return replace(theorem, header=replace(header, imports=header.imports or imports, prelude=joined))
