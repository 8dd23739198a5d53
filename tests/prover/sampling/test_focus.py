"""The mapping from focus and budget to a model, for any measurements."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.focus import affordable, chance, choose
from prover.sampling.weights import Curve, Model, Probe

KS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
PROBE = Probe(text="a", tokens=(1, 2), log_probs=(-1.0,))


def curve(*chances: float, temperature: float = 1.0, distinct: dict[int, dict[int, float]] | None = None) -> Curve:
    return Curve(
        corpus="c",
        theorems=10,
        samples=256,
        temperature=temperature,
        max_tokens=64,
        pass_at_k=dict(zip(KS, chances, strict=False)),
        distinct_at_k=distinct or {},
        command="evaluate",
    )


def model(name: str, *curves: Curve) -> Model:
    return Model(name=name, kind="checkpoint", folder=name, files={"f": "0" * 64}, probe=PROBE, curves=curves)


WIDE = model("wide", curve(0.10, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9))
MIDDLE = model("middle", curve(0.3, 0.35, 0.4, 0.5, 0.6, 0.7, 0.75, 0.8, 0.85))
SHARP = model("sharp", curve(*[0.4] * 9))
FRONT = [WIDE, MIDDLE, SHARP]

rising = st.lists(st.floats(0, 1), min_size=9, max_size=9).map(lambda values: curve(*sorted(values)))
models = st.lists(st.lists(rising, max_size=3), min_size=1, max_size=6).map(
    lambda found: [model(f"m{number}", *curves) for number, curves in enumerate(found)]
)


def test_focus_walks_along_the_front() -> None:
    chosen = [choose(FRONT, focus, samples=256) for focus in (0.0, 0.5, 1.0)]
    assert [choice and choice.model for choice in chosen] == ["wide", "middle", "sharp"]


def test_a_small_budget_asks_for_precision_by_itself() -> None:
    chosen = [choose(FRONT, 0.0, samples) for samples in (1, 16, 256)]
    assert [choice and choice.model for choice in chosen] == ["sharp", "middle", "wide"]


@given(models, st.floats(0, 1), st.floats(0, 1), st.integers(1, 1000), st.integers(1, 20))
def test_larger_focus_never_chooses_less_precision_nor_more_coverage(
    models: list[Model], one: float, other: float, samples: int, proofs: int
) -> None:
    low, high = (choose(models, focus, samples, proofs) for focus in sorted((one, other)))
    assert (low is None) == (high is None) == (not any(model.curves for model in models))
    if low and high:
        assert high.precision >= low.precision - 1e-9
        assert high.coverage <= low.coverage + 1e-9


@given(models, st.floats(0.01, 0.99), st.integers(1, 1000))
def test_what_is_chosen_lies_on_the_pareto_front(models: list[Model], focus: float, samples: int) -> None:
    if choice := choose(models, focus, samples):
        points = [(curve.pass_at_k[1], chance(curve, 1, samples)) for model in models for curve in model.curves]
        for precision, coverage in points:
            assert not (precision > choice.precision + 1e-6 and coverage > choice.coverage + 1e-6)


@given(rising, st.integers(1, 40), st.integers(1, 2000), st.integers(1, 2000))
def test_more_samples_never_lower_the_chance_and_more_proofs_never_raise_it(
    measured: Curve, proofs: int, one: int, other: int
) -> None:
    few, many = sorted((one, other))
    assert 0 <= chance(measured, proofs, few) <= chance(measured, proofs, many) + 1e-9 <= 1 + 1e-9
    assert chance(measured, proofs + 1, few) <= chance(measured, proofs, few) + 1e-9


@pytest.mark.parametrize("k", KS)
def test_measured_points_are_met(k: int) -> None:
    assert chance(WIDE.curves[0], 1, k) == pytest.approx(WIDE.curves[0].pass_at_k[k])


def test_chances_between_measured_points_lie_between_them() -> None:
    assert chance(WIDE.curves[0], 1, 3) == pytest.approx(0.2 + 0.1 * math.log2(1.5))
    assert chance(WIDE.curves[0], 1, 10_000) == 0.9


def test_several_proofs_come_from_the_curve_that_was_measured_for_them() -> None:
    measured = curve(0.5, 0.6, 0.7, 0.8, distinct={4: {4: 0.1, 8: 0.3}})
    assert chance(measured, 4, 8) == pytest.approx(0.3)
    assert chance(measured, 4, 2) == pytest.approx(0.05)
    assert chance(measured, 8, 8) == pytest.approx(0.1)  # stands for 4 of 4
    assert chance(measured, 2, 8) == pytest.approx(0.7)  # stands for 1 of 4


def test_a_model_that_repeats_itself_is_not_chosen_for_many_proofs() -> None:
    repeats = model("repeats", curve(*[0.6] * 9, distinct={8: {16: 0.0, 256: 0.05}}))
    varies = model("varies", curve(*[0.5] * 9, distinct={8: {16: 0.2, 256: 0.4}}))
    chosen = [choose([repeats, varies], 0.0, samples=64, proofs=proofs) for proofs in (1, 8)]
    assert [choice and choice.model for choice in chosen] == ["repeats", "varies"]


def test_a_named_model_and_a_named_temperature_win() -> None:
    warm = model("warm", curve(0.2, 0.3), curve(0.1, 0.5, temperature=1.4))
    choice = choose([*FRONT, warm], 1.0, samples=4, model="warm", temperature=1.3)
    assert choice is not None
    assert (choice.model, choice.temperature, choice.precision) == ("warm", 1.3, 0.1)


def test_temperature_is_chosen_with_the_model() -> None:
    warm = model("warm", curve(0.2, 0.3), curve(0.1, 0.5, temperature=1.4))
    chosen = [choose([warm], focus, samples=2) for focus in (0.0, 1.0)]
    assert [choice and choice.temperature for choice in chosen] == [1.4, 1.0]


def test_without_measurements_there_is_no_choice() -> None:
    assert choose([model("bare")], 0.5, samples=8) is None
    assert choose([*FRONT, model("bare")], 0.5, samples=8, model="bare") is None


def test_nonsense_is_refused() -> None:
    with pytest.raises(ValueError, match="focus must be from 0"):
        choose(FRONT, 1.5, samples=8)
    with pytest.raises(ValueError, match="focus must be from 0"):
        choose(FRONT, math.nan, samples=8)
    with pytest.raises(ValueError, match="there is no model 'other'; there are wide, middle, sharp"):
        choose(FRONT, 0.5, samples=8, model="other")


@given(st.integers(1, 10**6), st.none() | st.integers(1, 10**6), st.floats(0.001, 1e6), st.floats(0.001, 1e6))
def test_a_budget_pays_for_at_least_one_sample_and_no_more_than_each_of_its_parts(
    samples: int, checks: int | None, seconds: float, rate: float
) -> None:
    paid = affordable(samples, checks, seconds, rate)
    assert 1 <= paid <= samples
    assert checks is None or paid <= checks
    assert paid <= max(1, seconds * rate)
