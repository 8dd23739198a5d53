"""How hard each theorem is for a model, and how training moved theorems between the bins."""

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
    """The bin of `right` of `samples`; compared in integers, so that 9 of 10 is easy."""
    if right == 0:
        return Difficulty.UNSOLVED
    if 10 * right < 3 * samples:
        return Difficulty.HARD
    return Difficulty.MEDIUM if 10 * right < 9 * samples else Difficulty.EASY


def transitions(before: Iterable[Difficulty], after: Iterable[Difficulty]) -> Counter[tuple[Difficulty, Difficulty]]:
    """How many theorems went from which bin to which."""
    return Counter(zip(before, after, strict=True))
