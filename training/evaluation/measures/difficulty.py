"""Difficulty of each theorem for a model, and changes of difficulty by training."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum


class Difficulty(StrEnum):
    """Bins of the success rate over the samples: 0, (0, .3), [.3, .9), [.9, 1]. arXiv 2512.05962, evaluation."""

    UNSOLVED = "unsolved"
    HARD = "hard"
    MEDIUM = "medium"
    EASY = "easy"


def difficulty(samples: int, right: int) -> Difficulty:
    """Return the bin of `right` out of `samples`; compared in integers, so that 9 of 10 is easy."""
    if right == 0:
        return Difficulty.UNSOLVED
    if 10 * right < 3 * samples:
        return Difficulty.HARD
    return Difficulty.MEDIUM if 10 * right < 9 * samples else Difficulty.EASY


def transitions(before: Iterable[Difficulty], after: Iterable[Difficulty]) -> Counter[tuple[Difficulty, Difficulty]]:
    """Count the theorems by their bins before and after."""
    return Counter(zip(before, after, strict=True))
