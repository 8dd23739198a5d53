"""Splits into train, dev and test without leaks."""

import hashlib
from collections.abc import Iterable, Mapping

from training.corpus.dedupe import outline
from training.corpus.record import TheoremRecord

FRACTIONS: Mapping[str, float] = {"train": 0.9, "dev": 0.05, "test": 0.05}


def split(
    records: Iterable[TheoremRecord],
    fractions: Mapping[str, float] = FRACTIONS,
    seed: int = 0,
    families: bool = True,
) -> dict[str, list[TheoremRecord]]:
    """Assign every theorem to a split; those of one family (or, without one, one outline) go to the same.

    Args:
        fractions: shares of the splits.
        seed: random seed of the split.
        families: whether to keep families together; otherwise only equal outlines.

    A split depends only on the seed and the family, so a corpus that grows keeps its splits.

    Raises:
        ValueError: the fractions do not add up to 1.
    """
    if abs(sum(fractions.values()) - 1) > 1e-9 or min(fractions.values()) < 0:
        raise ValueError(f"The fractions of a split must add up to 1, found {dict(fractions)}.")
    parts: dict[str, list[TheoremRecord]] = {name: [] for name in fractions}
    for record in records:
        key = (families and record.family) or outline(record)
        parts[_part_of(key, fractions, seed)].append(record)
    return parts


def _part_of(key: str, fractions: Mapping[str, float], seed: int) -> str:
    digest = hashlib.sha256(f"{seed}\0{key}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    for name, fraction in fractions.items():
        place -= fraction
        if place < 0:
            return name
    return list(fractions)[-1]
