"""Search of declarations by name."""

import re
from collections.abc import Sequence

_WORDS = re.compile(r"[\s._]+")


def search(query: str, folded: Sequence[str]) -> list[int]:
    """Return the numbers of names that contain the query, or otherwise all of its words, the most similar first.

    Args:
        query: part of a name, or words; case is ignored.
        folded: the names in lower case.
    """
    wanted = query.casefold().strip()
    if not wanted:
        return []
    found = [number for number, name in enumerate(folded) if wanted in name]
    if not found:
        words = [word for word in _WORDS.split(wanted) if word]
        found = [number for number, name in enumerate(folded) if all(word in name for word in words)] if words else []
    return sorted(found, key=lambda number: _distance(wanted, folded[number]))


def _distance(wanted: str, name: str) -> tuple[int, int, str]:
    """Distance between a name and the query; smaller is more similar."""
    last = name.rpartition(".")[2]
    if name == wanted:
        rank = 0
    elif last == wanted or name.endswith(f".{wanted}"):
        rank = 1
    elif name.startswith(wanted) or last.startswith(wanted):
        rank = 2
    elif f".{wanted}" in name or f"_{wanted}" in name:
        rank = 3
    else:
        rank = 4
    return rank, len(name), name
