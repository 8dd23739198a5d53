"""The options that known failures and resumed runs depend on."""

from dataclasses import fields, replace
from typing import Any

import pytest

from prover.lean.workers.jobs import Priority
from prover.options import Budget, CheckOptions, Preference, Sampling, SearchOptions, StoreUse
from prover.verdict import Limits, Trust

OTHERS: dict[str, Any] = {
    "budget": Budget(samples=1),
    "check": CheckOptions(Limits(seconds=1.0)),
    "strategy": "stepwise",
    "sampler": "model",
    "sampling": Sampling(focus=0.5),
    "prefer": Preference.SHORTEST,
    "minimise": True,
    "store": StoreUse.NONE,
    "repeat": False,
    "as_found": True,
    "disprove": True,
}


def test_every_option_is_looked_at_here() -> None:
    assert OTHERS.keys() == {one.name for one in fields(SearchOptions)}


# Runs that can be resumed leave proofs as they are found.
@pytest.mark.parametrize("name", sorted(OTHERS.keys() - {"as_found"}))
def test_a_resumed_run_asks_for_the_same(name: str) -> None:
    assert replace(SearchOptions(), **{name: OTHERS[name]}).fingerprint() != SearchOptions().fingerprint()


@pytest.mark.parametrize("name", OTHERS)
def test_a_failure_counts_for_the_same_effort_alone(name: str) -> None:
    counts = name not in ("budget", "minimise", "store", "repeat", "as_found", "disprove")
    assert (replace(SearchOptions(), **{name: OTHERS[name]}).effort() != SearchOptions().effort()) == counts


@pytest.mark.parametrize(
    "check",
    [CheckOptions(policy="other"), CheckOptions(trust=Trust.ISOLATED_REPLAY), CheckOptions(guard="Nat.add_comm")],
)
def test_other_checks_are_another_effort(check: CheckOptions) -> None:
    assert SearchOptions(check=check).effort() != SearchOptions().effort()


def test_neither_seed_nor_priority_make_another_effort() -> None:
    asked = SearchOptions(sampling=Sampling(seed=1)).with_priority(Priority.BATCH)
    assert asked.effort() == SearchOptions().effort()
