"""Registry of what requests select by name: policies, projects, samplers, strategies."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from prover.errors import InputError
from prover.lean.checker import Lean
from prover.options import STRATEGIES, CheckOptions, SearchOptions
from prover.sampling.sampler import Sampler
from prover.search.stepper import Stepper
from prover.search.strategies import build_plan
from prover.search.strategies.strategy import Strategy
from prover.verdict import Policy
from service.ops.config import Settings


class Registry:
    """Looks up policies, projects, samplers and strategies by name. Unknown names raise InputError with the valid ones."""

    def __init__(
        self,
        settings: Settings,
        samplers: Mapping[str, Sampler],
        stepper: Stepper | None = None,
    ) -> None:
        """Register the entries of the settings, and `samplers` in order; `stepper` runs single tactics, by default a
        Lean worker.
        """
        self._search = settings.search
        self._projects = settings.lean.projects
        self._samplers = samplers
        self._stepper = stepper
        self._policies = {name: Policy(name, policy.axioms, policy.kinds) for name, policy in settings.policies.items()}

    @property
    def policies(self) -> tuple[str, ...]:
        """Names of all policies."""
        return tuple(self._policies)

    def policy(self, options: CheckOptions, project: str) -> Policy:
        """Return the policy of a request, for an existing project."""
        if project and project not in self._projects:
            there = ", ".join(self._projects) or "none"
            raise InputError("theorem.project", f"there is no project {project!r}; there is {there}")
        if options.policy not in self._policies:
            raise InputError("policy", f"there is no policy {options.policy!r}; there is {', '.join(self._policies)}")
        policy = self._policies[options.policy]
        return replace(policy, axioms=(*policy.axioms, *options.axioms), guard=options.guard, holes=options.holes)

    def samplers(self, name: str) -> list[Sampler]:
        """Return the samplers that a request names, in order."""
        name = name or self._search.sampler
        if name == "auto":
            return list(self._samplers.values())
        if name not in self._samplers:
            raise InputError("sampler", f"there is no sampler {name!r}; there is auto, {', '.join(self._samplers)}")
        return [self._samplers[name]]

    def plan(self, options: SearchOptions, lean: Lean) -> Sequence[Sequence[Strategy]]:
        """Return the plan of a search; `lean` answers the strategies' questions."""
        return build_plan(self.strategy(options), self.samplers(options.sampler), lean, self._stepper)

    def strategy(self, options: SearchOptions) -> str:
        """Return the requested strategy's name, if it and its samplers exist."""
        self.samplers(options.sampler)
        strategy = options.strategy or self._search.strategy or STRATEGIES[0]
        if strategy not in STRATEGIES:
            raise InputError("strategy", f"there is no strategy {strategy!r}; there is {', '.join(STRATEGIES)}")
        return strategy
