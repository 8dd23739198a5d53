"""Registry of what requests select by name: samplers and strategies."""

from collections.abc import Iterable, Mapping, Sequence

from prover.errors import InputError
from prover.lean.checker import Lean
from prover.options import STRATEGIES, SearchOptions
from prover.sampling.sampler import Sampler
from prover.search.stepper import Stepper
from prover.search.strategies import build_plan
from prover.search.strategies.strategy import Strategy
from service.ops.config import Settings


def no_sampler(name: str, known: Iterable[str]) -> str:
    """Return the sentence about a sampler that is not among those served."""
    hint = "; a model is served with `--model shipped`, or one of your own (docs/models.md)" if name == "model" else ""
    return f"there is no sampler {name!r}; there is {', '.join(known)}{hint}"


class Registry:
    """Looks up samplers and strategies by name. Unknown names raise InputError with the valid ones."""

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
        self._samplers = samplers
        self._stepper = stepper

    def samplers(self, name: str) -> list[Sampler]:
        """Return the samplers that a request names, in order."""
        name = name or self._search.sampler
        if name == "auto":
            return list(self._samplers.values())
        if name not in self._samplers:
            raise InputError("sampler", no_sampler(name, ("auto", *self._samplers)))
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
