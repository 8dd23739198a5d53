"""What requests ask for besides their theorem: the options of a check and of a search, and the budget of a search.

Options name things (a policy, a strategy, a model); the service resolves them to terms: `Terms` for checks, `SearchTerms`
for searches.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Any

from prover.lean.workers.jobs import Priority
from prover.option import MOST_COUNTED, MOST_SECONDS, leaves, option, plain
from prover.verdict import Limits, Trust

SAMPLERS = ("auto", "portfolio", "model")
"""What `SearchOptions.sampler` may name, where a model is served; the default first."""

STRATEGIES = ("auto", "portfolio_first", "independent", "repair", "stepwise", "decompose")
"""What `SearchOptions.strategy` may name; the default first. `prover.search.strategies` builds them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What one search may spend, and what ends it early.

    Attributes:
        samples: most candidates, lines and repairs taken from all samplers together.
        checks: most questions to Lean: whole proofs, goals of partial ones and tactic steps; None: no bound.
        seconds: wall-clock bound.
        proofs: distinct verified proofs wanted.
    """

    samples: int = field(
        default=64, metadata=option("Candidates sampled per theorem.", metavar="N", low=1, high=MOST_COUNTED)
    )
    checks: int | None = None
    seconds: float = field(
        default=60.0, metadata=option("Time per theorem.", metavar="S", low=0.001, high=MOST_SECONDS, proto="timeout")
    )
    proofs: int = field(default=1, metadata=option("Distinct proofs wanted.", metavar="K", low=1, high=MOST_COUNTED))


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

    focus: float | None = field(
        default=None,
        metadata=option("Of models: 0 for coverage … 1 for precision.", metavar="X", low=0, high=1, effort=True),
    )
    alpha: float | None = field(
        default=None,
        metadata=option("Ask the model that was tuned at this α.", metavar="A", low=0, high=1, effort=True),
    )
    model: str = field(default="", metadata=option(effort=True))
    temperature: float | None = field(default=None, metadata=option(effort=True))
    top_p: float | None = field(default=None, metadata=option(effort=True))
    max_tokens: int | None = field(default=None, metadata=option(effort=True))
    seed: int | None = field(default=None, metadata=option("Makes the candidates repeat.", low=0, high=2**64 - 1))


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
    policy: str = field(
        default="default",
        metadata=option("A configured policy; `default` if none is named.", metavar="NAME", effort=True),
    )
    trust: Trust = field(
        default=Trust.KERNEL_REPLAYED,
        metadata=option(
            switches={
                "isolated": (Trust.ISOLATED_REPLAY, "Check once more in a process that serves nobody else."),
                "crosscheck": (Trust.CROSS_CHECKED, "And have a second kernel check it (docs/second-kernel.md)."),
            },
            proto="minimum_trust",
            effort=True,
        ),
    )
    guard: str = field(default="", metadata=option(effort=True))
    priority: Priority = field(default=Priority.INTERACTIVE, metadata=option(resumed=False))
    axioms: tuple[str, ...] = field(default=(), metadata=option(local=True))
    holes: tuple[str, ...] | None = field(default=None, metadata=option(local=True))


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
        disprove: whether a refutation is looked for as well: small counterexamples, and with the same budget a proof of the negation.
    """

    budget: Budget = field(default_factory=Budget)
    check: CheckOptions = field(default_factory=CheckOptions)
    strategy: str = field(
        default="", metadata=option("How to search: {names}.", metavar="NAME", names=STRATEGIES, effort=True)
    )
    sampler: str = field(
        default="", metadata=option("What proposes: {names}.", metavar="NAME", names=SAMPLERS, effort=True)
    )
    sampling: Sampling = field(default_factory=Sampling)
    prefer: Preference = field(
        default=Preference.FIRST,
        metadata=option(
            "Which of the proofs found are the answer: the first, the fastest to check, the shortest.", effort=True
        ),
    )
    minimise: bool = field(default=False, metadata=option("Make the proofs as short as they can be."))
    store: StoreUse = field(
        default=StoreUse.READ_WRITE,
        metadata=option(switches={"fresh": (StoreUse.WRITE, "Do not take known proofs for an answer.")}, resumed=False),
    )
    repeat: bool = field(
        default=True,
        metadata=option("Search also where at least this budget was spent without success before."),
    )
    as_found: bool = field(
        default=False,
        metadata=option(
            switches={
                "no-minimise": (True, "Leave the proofs as they are found, not made to read better in a second.")
            },
            resumed=False,
        ),
    )
    disprove: bool = field(
        default=False,
        metadata=option(
            switches={"disprove": (True, "Look for a counterexample, and a proof of the negation, at the same time.")}
        ),
    )

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
        found: dict[str, Any] = {}
        for path, declared, value in leaves(self):
            if declared.effort:
                *parts, name = path[1:] if path[0] == "check" else path
                within = found
                for part in parts:
                    within = within.setdefault(part, {})
                within[name] = plain(value)
        return found

    def fingerprint(self) -> dict[str, Any]:
        """What the answers depend on, under the names of the command line's flags: a resumed run asks for the same.

        What is not asked for (None, False or empty) says nothing, so that a new option keeps old runs resumable.
        """
        fresh = self.store in (StoreUse.WRITE, StoreUse.NONE)
        default = {path: value for path, _, value in leaves(type(self)())}
        return {"fresh": fresh} | {
            (declared.flag or path[-1]).replace("-", "_"): _asked(value, default[path])
            for path, declared, value in leaves(self)
            if declared.resumed
        }


def _asked(value: Any, default: Any) -> Any:
    """A value as runs write it down: tiers by name, and of choices those that are not the default."""
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, StrEnum):
        return "" if value is default else value.value
    return value
