"""pass@k, the Pareto front, the bootstrap, difficulty and diversity, each against a plain definition."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.evaluation.measures.bootstrap import paired_bootstrap
from training.evaluation.measures.difficulty import Difficulty, difficulty, transitions
from training.evaluation.measures.diversity import chances_of_distinct, distinct_proofs, distinct_terms, diversity
from training.evaluation.measures.pareto import pareto_front
from training.evaluation.measures.pass_at_k import pass_at_k, pass_at_k_of_each, powers_up_to
from training.evaluation.samples import SampledProof, TheoremSamples


@given(st.lists(st.booleans(), min_size=1, max_size=9).flatmap(lambda s: st.tuples(st.just(s), st.integers(1, len(s)))))
def test_pass_at_k_is_the_share_of_k_subsets_with_a_right_sample(case: tuple[list[bool], int]) -> None:
    verdicts, k = case
    sets = list(itertools.combinations(verdicts, k))
    assert pass_at_k(len(verdicts), sum(verdicts), k) == pytest.approx(sum(map(any, sets)) / len(sets))


@pytest.mark.parametrize(
    ("samples", "right", "k", "expected"),
    [
        (256, 0, 256, 0.0),
        (256, 1, 256, 1.0),
        (256, 1, 64, 0.25),
        (256, 256, 1, 1.0),
        (256, 3, 1, 3 / 256),
        (10, 3, 5, 1 - 21 / 252),
    ],
)
def test_pass_at_k_values(samples: int, right: int, k: int, expected: float) -> None:
    assert pass_at_k(samples, right, k) == pytest.approx(expected)


@pytest.mark.parametrize(("samples", "right", "k"), [(4, 5, 1), (4, 1, 5), (4, 1, 0), (4, -1, 1)])
def test_pass_at_k_that_cannot_be_estimated_is_refused(samples: int, right: int, k: int) -> None:
    with pytest.raises(ValueError, match="cannot be estimated"):
        pass_at_k(samples, right, k)


def test_pass_at_k_is_unbiased() -> None:
    accuracy, n, k = 0.15, 12, 4
    chance = [math.comb(n, c) * accuracy**c * (1 - accuracy) ** (n - c) for c in range(n + 1)]
    mean = sum(p * pass_at_k(n, c, k) for c, p in enumerate(chance))
    assert mean == pytest.approx(1 - (1 - accuracy) ** k)


def test_pass_at_k_of_each_theorem() -> None:
    assert pass_at_k_of_each([4, 4], [0, 2], 2).tolist() == [0, 1 - 1 / 6]
    assert powers_up_to(256) == [1, 2, 4, 8, 16, 32, 64, 128, 256]
    assert powers_up_to(100) == [1, 2, 4, 8, 16, 32, 64]


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_pareto_front_is_what_nothing_dominates(points: list[tuple[int, int]]) -> None:
    front = set(pareto_front(points))
    for index, (x, y) in enumerate(points):
        dominated = any(a >= x and b >= y and (a > x or b > y) for a, b in points)
        assert (index not in front) == dominated
    ordered = [points[index] for index in pareto_front(points)]
    assert ordered == sorted(ordered)


def test_bootstrap_of_equal_models_finds_nothing() -> None:
    values = np.linspace(0, 1, 50)
    found = paired_bootstrap(values, values)
    assert (found.mean, found.low, found.high, found.p_value) == (0, 0, 0, 1)


def test_bootstrap_agrees_with_the_normal_approximation() -> None:
    random = np.random.default_rng(1)
    first = random.random(200)
    second = first + random.normal(0.03, 0.2, 200)
    found = paired_bootstrap(first, second)
    error = float((second - first).std() / math.sqrt(200))
    assert found.mean == pytest.approx(float((second - first).mean()))
    assert found.low == pytest.approx(found.mean - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(found.mean + 1.96 * error, abs=0.15 * error)
    two_sided = math.erfc(abs(found.mean) / error / math.sqrt(2))
    assert found.p_value == pytest.approx(two_sided, abs=0.02)


def test_bootstrap_pairs_theorems() -> None:
    # Theorems differ widely, but the second model is always a little better: only the pairing shows it.
    first = np.random.default_rng(2).random(60)
    assert paired_bootstrap(first, first + 0.01).p_value < 0.001


def test_bootstrap_repeats_with_its_seed_and_is_antisymmetric() -> None:
    random = np.random.default_rng(3)
    first, second = random.random(30), random.random(30)
    there, back = paired_bootstrap(first, second), paired_bootstrap(second, first)
    assert there == paired_bootstrap(first, second)
    assert (back.mean, back.low, back.high, back.p_value) == pytest.approx(
        (-there.mean, -there.high, -there.low, there.p_value)
    )


@settings(max_examples=10)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_bootstrap_p_value_is_a_probability_above_zero(values: list[float]) -> None:
    found = paired_bootstrap(np.zeros(len(values)), np.array(values), resamples=200)
    assert 0 < found.p_value <= 1
    assert found.low <= found.mean + 1e-12
    assert found.mean <= found.high + 1e-12


def test_bootstrap_of_unequal_lengths_is_refused() -> None:
    with pytest.raises(ValueError, match="two values for each of 2 or more theorems"):
        paired_bootstrap(np.zeros(3), np.zeros(4))


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        (0, Difficulty.UNSOLVED),
        (1, Difficulty.HARD),
        (29, Difficulty.HARD),
        (30, Difficulty.MEDIUM),
        (89, Difficulty.MEDIUM),
        (90, Difficulty.EASY),
        (100, Difficulty.EASY),
    ],
)
def test_difficulty_bins(right: int, expected: Difficulty) -> None:
    assert difficulty(100, right) is expected
    assert difficulty(10 * 100, 10 * right) is expected


def test_transitions_count_theorems() -> None:
    easy, hard = Difficulty.EASY, Difficulty.HARD
    assert transitions([hard, hard, easy], [easy, easy, hard]) == {(hard, easy): 2, (easy, hard): 1}


def theorem(*proofs: tuple[str, int, bool]) -> TheoremSamples:
    return TheoremSamples(name="t", proofs=tuple(SampledProof(text=t, count=c, verified=v) for t, c, v in proofs))


def test_diversity_counts_every_sample_wrong_ones_included_and_averages_over_theorems() -> None:
    even = theorem(("by\n  simp [a]", 3, True), ("by\n  omega", 3, False))
    single = theorem(("by\n  grind", 6, True))
    found = diversity((even, single))
    assert found.tactic_shannon == pytest.approx((1 + 0) / 2)
    assert found.tactic_gini_simpson == pytest.approx((0.5 + 0) / 2)
    assert found.premise_shannon == 0
    weighted = diversity((theorem(("by\n  simp [a, b]", 1, True), ("by\n  simp [a]", 2, True)),))
    assert weighted.premise_gini_simpson == pytest.approx(1 - (3 / 4) ** 2 - (1 / 4) ** 2)


def test_distinct_proofs_are_verified_and_differ_after_normalisation() -> None:
    samples = theorem(
        ("by simp", 5, True), ("by  simp -- easy", 1, True), ("by omega", 1, True), ("by decide", 2, False)
    )
    assert distinct_proofs(samples, 9) == 2
    assert distinct_proofs(samples, 1) == pytest.approx(7 / 9)
    assert (samples.samples, samples.verified) == (9, 7)


def test_texts_of_one_term_are_one_kind_where_every_term_is_known() -> None:
    proofs = [("by omega", 3, "a"), ("by skip; omega", 1, "a"), ("by grind", 1, "b")]
    known = [SampledProof(text=text, count=count, verified=True, term=term) for text, count, term in proofs]
    wrong = SampledProof(text="by decide", count=2, verified=False)
    samples = TheoremSamples(name="t", proofs=(*known, wrong))
    assert (distinct_proofs(samples, 7), distinct_terms(samples, 7)) == (3, 2)
    assert distinct_terms(samples, 1) == pytest.approx(5 / 7)
    old = SampledProof(text="by simp", count=1, verified=True)
    assert distinct_terms(TheoremSamples(name="t", proofs=(*known, wrong, old)), 7) is None


def test_distinct_proofs_are_the_mean_over_all_sets_of_samples() -> None:
    samples = theorem(("by simp", 3, True), ("by omega", 1, True), ("by grind", 1, True), ("by decide", 2, False))
    drawn = ["simp"] * 3 + ["omega", "grind", "", ""]
    sets = list(itertools.combinations(drawn, 3))
    assert distinct_proofs(samples, 3) == pytest.approx(sum(len(set(chosen) - {""}) for chosen in sets) / len(sets))


@given(counts=st.lists(st.integers(1, 4), max_size=4), wrong=st.integers(0, 4), data=st.data())
def test_chances_of_distinct_proofs_are_those_of_all_draws(counts: list[int], wrong: int, data: st.DataObject) -> None:
    kinds = [kind for kind, count in enumerate(counts) for _ in range(count)] + [-1] * wrong
    if not kinds:
        return
    k = data.draw(st.integers(1, min(5, len(kinds))))
    proofs = [SampledProof(text=f"exact h{kind}", count=count, verified=True) for kind, count in enumerate(counts)]
    proofs += [SampledProof(text="rfl", count=wrong, verified=False)] if wrong else []
    draws = [len(set(draw) - {-1}) for draw in itertools.combinations(kinds, k)]
    expected = [sum(found >= wanted for found in draws) / len(draws) for wanted in range(4)]
    assert chances_of_distinct(TheoremSamples(name="t", proofs=tuple(proofs)), k, 3) == pytest.approx(expected)
