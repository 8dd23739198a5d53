"""What requests may choose by name: policies, projects, samplers, strategies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from prover.assistance.suggest import Suggest, TacticState
from prover.errors import InputError
from prover.lean.workers.pool import WorkerPool
from prover.requests import Check, Search
from prover.sampling.sampler import Sampler
from prover.search.stepper import Stepper
from prover.search.strategies import STRATEGIES, build_plan
from prover.search.strategies.strategy import Strategy
from prover.verdict import Policy
from service.ops.config import Settings


class Choices:
    """What is on offer. What is not raises InputError, which names what there is."""

    def __init__(
        self,
        settings: Settings,
        samplers: Mapping[str, Sampler],
        pool: WorkerPool,
        stepper: Stepper | None = None,
    ) -> None:
        """Offer what the settings list, and `samplers` in order; `stepper` runs single tactics, by default `pool`."""
        self._search = settings.search
        self._projects = settings.lean.projects
        self._samplers = samplers
        self._pool = pool
        self._stepper = stepper
        self._policies = {name: Policy(name, policy.axioms, policy.kinds) for name, policy in settings.policies.items()}

    @property
    def policies(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self._policies)

    def policy(self, request: Check | Search | Suggest) -> Policy:
        """The policy of a request whose project there is."""
        self._known(_project(request))
        name = request.policy
        if name not in self._policies:
            raise InputError("policy", f"there is no policy {name!r}; there is {', '.join(self._policies)}")
        return replace(self._policies[name], guard="" if isinstance(request, Suggest) else request.guard)

    def samplers(self, name: str) -> list[Sampler]:
        """The samplers that a request names, in order."""
        name = name or self._search.sampler
        if name == "auto":
            return list(self._samplers.values())
        if name not in self._samplers:
            raise InputError("sampler", f"there is no sampler {name!r}; there is auto, {', '.join(self._samplers)}")
        return [self._samplers[name]]

    def plan(self, request: Search) -> Sequence[Sequence[Strategy]]:
        """How to search."""
        strategy = request.strategy or self._search.strategy or STRATEGIES[0]
        try:
            return build_plan(strategy, self.samplers(request.sampler), self._pool, self._stepper)
        except ValueError as error:
            raise InputError("strategy", str(error)) from None

    def _known(self, project: str) -> None:
        if project and project not in self._projects:
            there = ", ".join(self._projects) or "none"
            raise InputError("theorem.project", f"there is no project {project!r}; there is {there}")


def _project(request: Check | Search | Suggest) -> str:
    if not isinstance(request, Suggest):
        return request.theorem.project
    return request.place.theorem.project if isinstance(request.place, TacticState) else request.place.project
