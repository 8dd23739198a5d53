import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.evaluation.apart import Drawn
from training.evaluation.subsample import subsample


@given(st.lists(st.integers(1, 20), min_size=1, max_size=8), st.data())
def test_a_subsample_has_some_of_those_drawn(counts: list[int], data: st.DataObject) -> None:
    row = Drawn(name="t", digest="", texts=tuple((f"by {place}", n, bool(place % 2)) for place, n in enumerate(counts)))
    samples = data.draw(st.integers(1, sum(counts)))
    found = subsample(row, samples, np.random.default_rng(data.draw(st.integers(0, 99))))
    drawn = {(text, ended): count for text, count, ended in row.texts}
    assert sum(count for _, count, _ in found.texts) == samples
    assert all(0 < count <= drawn[text, ended] for text, count, ended in found.texts)


def test_each_sample_is_as_likely_to_be_chosen() -> None:
    row = Drawn(name="t", digest="", texts=(("a", 3, True), ("b", 1, True)))
    chosen = [{t: n for t, n, _ in subsample(row, 2, np.random.default_rng(seed)).texts} for seed in range(400)]
    assert sum(each.get("b", 0) for each in chosen) / 400 == pytest.approx(1 / 2, abs=0.1)


def test_more_samples_than_were_drawn_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^t has 1 samples, fewer than 2\.$"):
        subsample(Drawn(name="t", digest="", texts=(("a", 1, True),)), 2, np.random.default_rng(0))
