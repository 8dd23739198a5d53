"""Reduces a proof with alternatives to the one that succeeds, which is the proof a model should learn.

The portfolio's `first | … | …` is reduced to the successful alternative, and unneeded facts are removed.
"""

import re
from collections.abc import Awaitable, Callable

_FIRST_LINES = re.compile(r"^( *)first((?:\n\1  \| [^\n]+)+)", re.MULTILINE)
_FIRST_INLINE = re.compile(r"\bfirst (\|(?: [^|\n]+)(?: \| [^|\n]+)+)$", re.MULTILINE)
_FACT = re.compile(r" +(?:have|try) ")

Holds = Callable[[str], Awaitable[bool]]
"""Asks whether a proof is valid."""


async def shrink(proof: str, holds: Holds) -> str:
    """Return a shorter valid proof, or the same if nothing can be removed. `proof` itself must be valid."""
    return await _without_facts(await _one_alternative(proof, holds), holds)


def without_any_facts(proof: str) -> str:
    """Return the proof without the lines that state facts."""
    return "\n".join(line for line in proof.split("\n") if not _FACT.match(line))


async def _one_alternative(proof: str, holds: Holds) -> str:
    """Reduce the first `first` by halves, as long as one half suffices."""
    match = _FIRST_LINES.search(proof)
    if match is not None:
        margin, before, after = match[1], proof[: match.start()], proof[match.end() :]
        tactics = [line.strip().removeprefix("| ") for line in match[2].splitlines()[1:]]
    else:
        match = _FIRST_INLINE.search(proof)
        if match is None:
            return proof
        margin, before, after = "", proof[: match.start()], proof[match.end() :]
        tactics = [tactic.strip() for tactic in match[1].removeprefix("|").split(" | ")]

    def with_only(kept: list[str]) -> str:
        block = kept[0] if len(kept) == 1 else f"first | {' | '.join(kept)}"
        return before + margin + block + after

    while len(tactics) > 1:
        half = len(tactics) // 2
        if await holds(with_only(tactics[:half])):
            tactics = tactics[:half]
        elif await holds(with_only(tactics[half:])):
            tactics = tactics[half:]
        else:
            return proof
    return with_only(tactics)


async def _without_facts(proof: str, holds: Holds) -> str:
    """Remove every line that states an unused fact."""
    lines = proof.split("\n")
    for line in [line for line in lines if _FACT.match(line)]:
        fewer = [other for other in lines if other is not line]
        if await holds("\n".join(fewer)):
            lines = fewer
    return "\n".join(lines)
