"""What requests ask for besides their theorem: the options of a check and of a search, and the budget of a search.

Options name things (a policy, a strategy, a model); the service resolves them to terms: `Terms` for checks, `SearchTerms`
for searches.
"""

from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any

from prover.lean.workers.jobs import Priority
from prover.verdict import Limits, Trust

SAMPLERS = ("auto", "portfolio", "model")
"""What `SearchOptions.sampler` may name, where a model is served; the default first."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one search may spend, and what ends it early.

    Attributes:
        samples: most candidates, lines and repairs taken from all samplers together.
        checks: most questions to Lean: whole proofs, goals of partial ones and tactic steps; None: no bound.
        seconds: wall-clock bound.
        proofs: distinct verified proofs wanted.
    """

    samples: int = 64
    checks: int | None = None
    seconds: float = 60.0
    proofs: int = 1


class Preference(StrEnum):
    """Which of the verified proofs are the answer."""

    FIRST = "first"
    FASTEST = "fastest"  # fewest heartbeats
    SHORTEST = "shortest"  # fewest tokens


class StoreUse(StrEnum):
    """What a search does with stored proofs: take them for an answer (read), add what it finds (write)."""

    READ_WRITE = "read_write"
    READ = "read"
    WRITE = "write"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a model samples; the service decides what is None or empty.

    Attributes:
        focus: position between coverage (0) and precision (1), mapped by measured curves. At most one of `focus`,
            `alpha` and `model` is given.
        alpha: the model that was tuned at this α.
        model: a model by name.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        max_tokens: longest candidate, in tokens.
        seed: makes the candidates repeat.
    """

    focus: float | None = None
    alpha: float | None = None
    model: str = ""
    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """How a candidate is checked.

    Attributes:
        limits: time and resources of the check.
        policy: name of one of the configured policies.
        trust: tier the proof is checked to; proofs of less trust do not count.
        guard: the library theorem that is proved anew, see `Policy.guard`; empty: none.
        priority: batch work yields to interactive work.
        axioms: allowed beside those of the policy.
        holes: see `Policy.holes`.
    """

    limits: Limits = field(default_factory=Limits)
    policy: str = "default"
    trust: Trust = Trust.KERNEL_REPLAYED
    guard: str = ""
    priority: Priority = Priority.INTERACTIVE
    axioms: tuple[str, ...] = ()
    holes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How proofs of a theorem are searched.

    Attributes:
        budget: what the search may spend.
        check: of each candidate.
        strategy: name of one of the strategies; empty for the default.
        sampler: name of one of the samplers; empty for the default.
        sampling: how a model samples.
        prefer: which proofs are the answer.
        minimise: whether the answer is also wanted as short as possible, whatever that takes.
        store: what is done with stored proofs.
        repeat: whether to search although at least this budget was spent without success before.
        as_found: whether proofs stay as they were found; else they are made to read better within a second, when the search is over.
    """

    budget: Budget = field(default_factory=Budget)
    check: CheckOptions = field(default_factory=CheckOptions)
    strategy: str = ""
    sampler: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    prefer: Preference = Preference.FIRST
    minimise: bool = False
    store: StoreUse = StoreUse.READ_WRITE
    repeat: bool = True
    as_found: bool = False

    def with_priority(self, priority: Priority) -> "SearchOptions":
        """The same options at another priority."""
        return replace(self, check=replace(self.check, priority=priority))

    def with_guard(self, guard: str) -> "SearchOptions":
        """The same options for this theorem of the library."""
        return replace(self, check=replace(self.check, guard=guard))

    def within_seconds(self, seconds: float) -> "SearchOptions":
        """The same options with a budget of no more than so many seconds."""
        return replace(self, budget=replace(self.budget, seconds=max(1e-3, min(self.budget.seconds, seconds))))

    def effort(self) -> dict[str, Any]:
        """How hard a search tries, apart from its budget: a failure says nothing about a search with another effort.

        The seed does not count: another one has the same chances.
        """
        check, sampling = self.check, asdict(self.sampling)
        del sampling["seed"]
        return {
            "limits": asdict(check.limits),
            "policy": check.policy,
            "trust": check.trust.value,
            "guard": check.guard,
            "strategy": self.strategy,
            "sampler": self.sampler,
            "sampling": sampling,
            "prefer": self.prefer.value,
        }

    def fingerprint(self) -> dict[str, Any]:
        """What the answers depend on, under the names of the command line's flags: a resumed run asks for the same.

        What is not asked for (None, False or empty) says nothing, so that a new option keeps old runs resumable.
        """
        budget, check, sampling = self.budget, self.check, self.sampling
        return {
            "samples": budget.samples,
            "checks": budget.checks,
            "seconds": budget.seconds,
            "proofs": budget.proofs,
            "trust": check.trust.name,
            "policy": check.policy,
            "check_seconds": check.limits.seconds,
            "strategy": self.strategy,
            "sampler": self.sampler,
            **asdict(sampling),
            "prefer": "" if self.prefer is Preference.FIRST else self.prefer.value,
            "minimise": self.minimise,
            "fresh": self.store in (StoreUse.WRITE, StoreUse.NONE),
            "repeat": self.repeat,
        }
