import pytest

from prover.events import Ending, Finished, Progress
from prover.options import Budget
from prover.receipts.receipt import Toolchain
from prover.store.database import Database
from prover.store.records.failures import FailureStore, trim
from prover.theorem import Theorem

HARD = Theorem("theorem fermat (a b c n : Nat) (h : 2 < n) : a ^ n + b ^ n ≠ c ^ n")
BUDGET = Budget(samples=64, checks=None, seconds=60, proofs=1)


@pytest.fixture
def failures(database: Database) -> FailureStore:
    return FailureStore(database, Toolchain("4.15.0", "embedded"))


def ended(ending: Ending = Ending.SAMPLES_SPENT, proofs: int = 0) -> Finished:
    return Finished(ending, Progress(sampled=64, checked=60, proofs=proofs, seconds=12.5), {})


async def test_a_budget_that_was_spent_in_vain_is_known(failures: FailureStore) -> None:
    await failures.remember(HARD, "portfolio", "portfolio", BUDGET, ended())
    for budget in (BUDGET, Budget(samples=10, checks=5, seconds=1)):
        failure = await failures.known(HARD, "portfolio", budget)
        assert failure is not None
        assert (failure.samples, failure.seconds, failure.sampled, failure.checked, failure.elapsed, failure.model) == (
            64,
            60,
            64,
            60,
            12.5,
            "portfolio",
        )


async def test_time_spent_waiting_for_a_worker_is_no_sign_of_a_hard_theorem(failures: FailureStore) -> None:
    """Searches that an overloaded server had not begun were remembered as failures, and easy theorems as hard."""
    nothing = Finished(Ending.SECONDS_SPENT, Progress(sampled=3, seconds=60, waited=60), {})
    await failures.remember(HARD, "x", "", BUDGET, nothing)
    assert await failures.known(HARD, "x", Budget(samples=1, seconds=0.1)) is None
    half = Finished(Ending.SECONDS_SPENT, Progress(sampled=9, checked=5, seconds=60, waited=30), {})
    await failures.remember(HARD, "x", "", BUDGET, half)
    assert await failures.known(HARD, "x", BUDGET) is None
    assert await failures.known(HARD, "x", Budget(samples=64, seconds=30)) is not None
    whole = Finished(Ending.SECONDS_SPENT, Progress(sampled=9, checked=9, seconds=59.5, waited=0.4), {})
    await failures.remember(HARD, "x", "", BUDGET, whole)
    assert await failures.known(HARD, "x", BUDGET) is not None


@pytest.mark.parametrize(
    "budget", [Budget(samples=65, seconds=60), Budget(samples=64, seconds=61), Budget(samples=1, seconds=100)]
)
async def test_a_larger_budget_is_worth_a_try(failures: FailureStore, budget: Budget) -> None:
    await failures.remember(HARD, "portfolio", "", BUDGET, ended())
    assert await failures.known(HARD, "portfolio", budget) is None


async def test_bounds_on_checks_are_compared(failures: FailureStore) -> None:
    await failures.remember(HARD, "x", "", Budget(checks=10), ended(Ending.CHECKS_SPENT))
    assert await failures.known(HARD, "x", Budget(checks=10)) is not None
    assert await failures.known(HARD, "x", Budget(checks=11)) is None
    assert await failures.known(HARD, "x", Budget()) is None


async def test_another_theorem_or_way_to_search_is_not_known(failures: FailureStore) -> None:
    await failures.remember(HARD, "portfolio", "", BUDGET, ended())
    assert await failures.known(Theorem("theorem t : 1 = 1"), "portfolio", BUDGET) is None
    assert await failures.known(HARD, "model", BUDGET) is None


@pytest.mark.parametrize("ending", [Ending.INFRASTRUCTURE, Ending.INVALID_STATEMENT, Ending.KNOWN_FAILURE])
async def test_what_says_nothing_about_the_theorem_is_not_kept(failures: FailureStore, ending: Ending) -> None:
    await failures.remember(HARD, "x", "", BUDGET, ended(ending))
    assert await failures.known(HARD, "x", BUDGET) is None


async def test_who_wants_no_more_proofs_than_were_found_is_not_refused(failures: FailureStore) -> None:
    await failures.remember(HARD, "x", "", Budget(proofs=5), ended(proofs=2))
    assert await failures.known(HARD, "x", Budget(proofs=2)) is None
    assert await failures.known(HARD, "x", Budget(proofs=3)) is not None


async def test_a_success_is_no_failure(failures: FailureStore) -> None:
    await failures.remember(HARD, "x", "", BUDGET, ended(Ending.SAMPLES_SPENT, proofs=1))
    assert await failures.known(HARD, "x", Budget(proofs=2)) is None


async def test_a_larger_failure_replaces_smaller_ones(failures: FailureStore, database: Database) -> None:
    for samples in (1, 2, 3):
        await failures.remember(HARD, "x", "", Budget(samples=samples), ended())
    await failures.remember(HARD, "x", "", Budget(samples=2, seconds=999), ended())
    assert database.write_now(lambda c: trim(database, c, None, most=1)) == 1  # two were left
    assert database.write_now(lambda c: trim(database, c, older_than=-1)) == 1
