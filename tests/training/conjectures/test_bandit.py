from collections import Counter
from random import Random

import pytest

from training.conjectures.bandit import Bandit


def draws(bandit: Bandit, count: int = 400) -> Counter[str]:
    random = Random(1)
    return Counter(bandit.choose(random) for _ in range(count))


def test_what_gives_more_in_the_same_time_is_drawn_more_often() -> None:
    bandit = Bandit(["rich", "poor"])
    for _ in range(10):
        bandit.learn("rich", 1, 4, 100.0)
        bandit.learn("poor", 0, 0, 100.0)
    drawn = draws(bandit)
    assert drawn["rich"] > 5 * drawn["poor"]


def test_no_family_outgrows_the_others() -> None:
    bandit = Bandit(["rich/one", "rich/two", "poor"])
    for _ in range(100):
        bandit.learn("rich/one", 1, 6, 10.0)
    assert set(draws(bandit)) == {"poor"}


def test_an_arm_that_has_run_out_is_left() -> None:
    bandit = Bandit(["old/spent", "old/fresh"])
    for _ in range(20):
        bandit.learn("old/spent", 1, 3, 50.0)
        bandit.learn("old/fresh", 1, 3, 50.0)
    for _ in range(200):
        bandit.learn("old/spent", 0, 0, 0.0)
    drawn = draws(bandit)
    assert drawn["old/fresh"] > 5 * drawn["old/spent"]
    bandit.drop("old/spent")
    assert set(draws(bandit)) == {"old/fresh"}


def test_an_arm_of_an_earlier_version_is_counted_but_not_drawn() -> None:
    bandit = Bandit(["new"])
    bandit.learn("gone", 1, 2, 10.0)
    assert bandit.arms == ["new"]


def test_nothing_is_drawn_from_no_arms() -> None:
    with pytest.raises(IndexError):
        Bandit([]).choose(Random(0))
