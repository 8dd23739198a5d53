"""Which replica gets a request."""

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from prover.sampling.replicas.routing import choose

LOADS = st.dictionaries(st.integers(0, 40), st.integers(0, 200), min_size=1)


@given(st.text(), LOADS)
def test_no_replica_gets_more_than_a_quarter_beyond_its_share_or_eight(family: str, loads: dict[int, int]) -> None:
    chosen = choose(family, loads)
    assert loads[chosen] + 1 <= max(8, math.ceil(1.25 * (sum(loads.values()) + 1) / len(loads)))


@given(st.text(), st.sets(st.integers(0, 40), min_size=2), st.data())
def test_a_family_stays_when_another_replica_goes(family: str, numbers: set[int], data: st.DataObject) -> None:
    before = choose(family, dict.fromkeys(numbers, 0))
    gone = data.draw(st.sampled_from(sorted(numbers - {before})))
    assert choose(family, dict.fromkeys(numbers - {gone}, 0)) == before


def test_the_samples_of_a_theorem_go_to_one_replica_until_it_has_more_than_its_share() -> None:
    loads = dict.fromkeys(range(4), 0)
    order = []
    for _ in range(32):
        order.append(choose("a theorem", loads))
        loads[order[-1]] += 1
    assert len(set(order[:8])) == 1
    assert max(loads.values()) <= 11


def test_families_are_spread_evenly() -> None:
    found = Counter(choose(f"theorem {number}", dict.fromkeys(range(4), 0)) for number in range(4000))
    assert all(900 < count < 1100 for count in found.values())
