"""How a ranking is measured, without a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.ranking import Scored, arrivals, auc, calibration, checks_to_first, measured

draws = st.lists(st.tuples(st.integers(1, 5), st.booleans(), st.integers(-5, 5)), min_size=1, max_size=8)


def scored(rows: list[tuple[int, bool, int]]) -> list[Scored]:
    return [Scored("t", count, right, np.array([float(score)])) for count, right, score in rows]


@given(draws)
def test_auc_is_the_chance_that_a_right_text_has_the_higher_score(rows: list[tuple[int, bool, int]]) -> None:
    right = np.array([row[1] for row in rows])
    score = np.array([float(row[2]) for row in rows])
    pairs = [(a > b) + (a == b) / 2 for a in score[right] for b in score[~right]]
    found = auc(score, right)
    assert found == pytest.approx(np.mean(pairs)) if pairs else np.isnan(found)


def test_without_a_choice_the_checks_are_those_of_the_draws() -> None:
    """A wrong text of count c comes before the first of V right draws with the chance c / (c + V)."""
    counts, right = [6, 2, 1, 3], np.array([False, True, False, True])
    orders = [order for seed in range(60) for order in arrivals(counts, np.random.default_rng(seed))]
    assert checks_to_first(orders, np.zeros(4), right, 1) == pytest.approx(1 + 6 / 11 + 1 / 6, abs=0.06)


@given(draws.filter(lambda rows: any(row[1] for row in rows)))
def test_where_all_wait_the_checks_are_the_rank_of_the_best_right_text(rows: list[tuple[int, bool, int]]) -> None:
    score = np.array([row[2] + place / 100 for place, row in enumerate(rows)])  # no ties
    right = np.array([row[1] for row in rows])
    orders = arrivals([row[0] for row in rows], np.random.default_rng(0))
    assert checks_to_first(orders, score, right, len(rows)) == 1 + (score > score[right].max()).sum()


@given(draws)
def test_calibration_keeps_the_share_of_verified_draws(rows: list[tuple[int, bool, int]]) -> None:
    bins = calibration(np.array([float(row[2]) for row in rows]), scored(rows))
    assert all(0 <= each["verified"] <= 1 for each in bins)
    assert [each["score"] for each in bins] == sorted(each["score"] for each in bins)


def test_a_score_that_tells_right_from_wrong_needs_one_check() -> None:
    texts = [Scored(f"t{i}", 1 + j, j == 0, np.array([-1.0 - j])) for i in range(6) for j in range(3)]
    result = measured(texts, [1, 3])
    of = result["scores"]["sum of log-probabilities"]
    assert (of["auc"], of["auc_within_theorems"], of["checks_to_first_proof"]["3"]) == (1.0, 1.0, 1.0)
    assert of["checks_to_first_proof"]["1"] > 1.5
