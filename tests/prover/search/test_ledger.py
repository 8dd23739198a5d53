"""The counts of a search, without a search."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.candidate import Candidate
from prover.options import Budget, Preference
from prover.search.ledger import Ledger
from prover.search.terms import SearchTerms
from prover.theorem import Theorem
from prover.verdict import Trust, Verdict, VerdictKind

THEOREM = Theorem("theorem t (a b : Nat) : a + b = b + a")
GOOD = Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def ledger(budget: Budget | None = None, terms: SearchTerms | None = None, clock: Clock | None = None) -> Ledger:
    return Ledger(THEOREM, budget or Budget(), terms or SearchTerms(), clock or Clock())


@pytest.mark.parametrize("budget", [Budget(samples=0), Budget(checks=0), Budget(proofs=0), Budget(seconds=0.0)])
def test_a_budget_of_nothing_is_refused(budget: Budget) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        ledger(budget)


@given(st.lists(st.integers(0, 50), max_size=8))
def test_samples_and_tokens_add_up(tokens: list[int]) -> None:
    book = ledger(Budget(samples=8))
    for number, each in enumerate(tokens):
        book.sampled(Candidate(f"exact {number}", tokens=each))
    assert book.samples_left == 8 - len(tokens)
    assert (book.progress().sampled, book.progress().tokens) == (len(tokens), sum(tokens))


def test_the_same_proof_counts_once() -> None:
    book = ledger(Budget(proofs=2))
    first, again = Candidate("by omega"), Candidate("by  omega  -- again")
    assert book.is_new(first)
    assert not book.is_new(again)
    assert book.judged(first, GOOD) is not None
    assert book.judged(again, GOOD) is None
    assert not book.complete


def test_texts_of_one_term_are_one_proof() -> None:
    own = ledger(Budget(10, 10.0, proofs=3))
    found = [
        own.judged(Candidate(text), Verdict(VerdictKind.VERIFIED, Trust.KERNEL_REPLAYED, term=term))
        for text, term in (
            ("by grind", "a"),
            ("by subst_vars; grind", "a"),
            ("by omega", "b"),
            ("by simp", ""),
            ("rfl", ""),
        )
    ]
    assert [proof is not None for proof in found] == [True, False, True, True, True]


def test_a_preference_wants_a_surplus_of_proofs() -> None:
    book = ledger(Budget(proofs=1), SearchTerms(prefer=Preference.SHORTEST, surplus=2))
    book.judged(Candidate("by omega"), GOOD)
    assert not book.complete
    book.judged(Candidate("by simp [Nat.add_comm]"), GOOD)
    assert book.complete


def test_proofs_below_the_wanted_trust_do_not_count() -> None:
    book = ledger(terms=SearchTerms(trust=Trust.ISOLATED_REPLAY))
    assert book.judged(Candidate("by omega"), GOOD) is None
    assert (book.progress().checked, book.progress().proofs) == (1, 0)


def test_what_waits_for_a_verdict_is_wasted_at_the_end() -> None:
    book = ledger()
    judged, waiting = Candidate("by omega", tokens=3), Candidate("by simp", tokens=5)
    for candidate in (judged, waiting):
        book.waits(candidate)
        book.question_begins()
    book.question_ends()
    book.judged(judged, GOOD)
    waste = book.waste()
    assert (waste.samples, waste.tokens, waste.checks) == (1, 5, 1)


def test_time_lost_to_others_is_a_share_of_the_time_that_questions_took() -> None:
    clock = Clock()
    book = ledger(clock=clock)
    book.question_begins()
    book.question_begins()
    clock.now = 10.0
    book.question_waited(5.0)
    assert book.progress().waited == pytest.approx(10.0 * 5.0 / 20.0)


def test_the_account_of_a_strategy_stops_with_it() -> None:
    clock = Clock()
    book = ledger(clock=clock)
    account = book.account("independent")
    account.add(sampled=1, tokens=7)
    clock.now = 3.0
    account.close()
    clock.now = 9.0
    (spending,) = book.spending()
    assert (spending.name, spending.sampled, spending.tokens, spending.seconds) == ("independent", 1, 7, 3.0)
