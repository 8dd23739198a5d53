"""Everything a request specifies besides its theorem: the options of a check and of a search, and the budget of a
search.

Options name things (a policy, a strategy, a model); the service resolves them to terms: `Terms` for checks,
`SearchTerms` for searches.
"""

from dataclasses import dataclass, field, replace
from enum import IntEnum, StrEnum
from typing import Any

from prover.lean.workers.jobs import Priority
from prover.option import MOST_COUNTED, MOST_SECONDS, leaves, option, plain
from prover.verdict import Limits, Trust

SAMPLERS = ("auto", "portfolio", "model")
"""Values of `SearchOptions.sampler` while a model is served; the default first."""

STRATEGIES = ("auto", "portfolio_first", "independent", "repair", "stepwise", "decompose")
"""Values of `SearchOptions.strategy`; the default first. `prover.search.strategies` builds them."""


@dataclass(frozen=True, slots=True)
class Budget:
    """Spending limits of one search, and the number of proofs that ends it early.

    Attributes:
        samples: maximum number of candidates, lines and repairs from all samplers together.
        checks: maximum number of questions to Lean: whole proofs, goals of partial ones and tactic steps; None:
            unlimited.
        seconds: wall-clock limit.
        proofs: number of distinct verified proofs wanted.
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
    """The criterion by which verified proofs are chosen for the answer."""

    FIRST = "first"
    FASTEST = "fastest"  # fewest heartbeats
    SHORTEST = "shortest"  # fewest tokens


class StoreUse(StrEnum):
    """Use of the proof store by a search: answer from stored proofs (read), add new ones (write)."""

    READ_WRITE = "read_write"
    READ = "read"
    WRITE = "write"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of a model; the service chooses values that are None or empty.

    Attributes:
        focus: position between coverage (0) and precision (1), mapped by measured curves. At most one of `focus`,
            `alpha` and `model` is given.
        alpha: selects the model tuned at this α.
        model: selects a model by name.
        temperature: softmax temperature; 0 is greedy.
        top_p: nucleus mass.
        max_tokens: maximum length of a candidate in tokens.
        seed: random seed; equal seeds reproduce the candidates.
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
    """Options of a check.

    Attributes:
        limits: time and resource limits of the check.
        policy: name of a configured policy.
        trust: required tier of trust; proofs of a lower tier do not count.
        guard: library theorem to be proved anew (`Policy.guard`); empty: none.
        priority: batch work yields to interactive work.
        axioms: axioms allowed in addition to the policy's.
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
                "isolated": (Trust.ISOLATED_REPLAY, "Check again in a process that serves no other request."),
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
    """Options of a search.

    Attributes:
        budget: spending limits of the search.
        check: options of each candidate's check.
        strategy: name of a strategy; empty: the default.
        sampler: name of a sampler; empty: the default.
        sampling: sampling parameters of the model.
        prefer: criterion for choosing proofs.
        minimise: whether to shorten the proofs of the answer as far as possible, without a time limit of its own.
        store: use of the proof store.
        repeat: whether to search again although an earlier search with at least this budget failed.
        as_found: whether to leave proofs as they were found; otherwise up to a second after the search is spent on
            making them more readable.
        disprove: whether to look for a refutation as well: small counterexamples, then, with the same budget, a proof
            of the negation.
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
        """Return these options with another priority."""
        return replace(self, check=replace(self.check, priority=priority))

    def with_guard(self, guard: str) -> "SearchOptions":
        """Return these options with a library theorem as the guard."""
        return replace(self, check=replace(self.check, guard=guard))

    def within_seconds(self, seconds: float) -> "SearchOptions":
        """Return these options with the time budget limited to so many seconds."""
        return replace(self, budget=replace(self.budget, seconds=max(1e-3, min(self.budget.seconds, seconds))))

    def effort(self) -> dict[str, Any]:
        """The options that determine how hard a search tries, apart from its budget, as a hash key.

        A failed search says nothing about a search with another effort. The seed is left out: all seeds have equal
        chances.
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
        """The options that determine the answers, under the names of the command line's flags; a resumed run must have
        the same ones.

        Values that are None, False or empty are left out, so that runs started before a new option was added remain
        resumable.
        """
        fresh = self.store in (StoreUse.WRITE, StoreUse.NONE)
        default = {path: value for path, _, value in leaves(type(self)())}
        return {"fresh": fresh} | {
            (declared.flag or path[-1]).replace("-", "_"): _asked(value, default[path])
            for path, declared, value in leaves(self)
            if declared.resumed
        }


def _asked(value: Any, default: Any) -> Any:
    """Return a value as stored with a run: tiers by name; of groups, the options that differ from their defaults."""
    if isinstance(value, IntEnum):
        return value.name
    if isinstance(value, StrEnum):
        return "" if value is default else value.value
    return value
