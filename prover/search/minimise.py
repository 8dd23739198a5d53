"""Makes a verified proof more readable: texts that read better are checked, and only a verified one replaces the proof."""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from prover.search.diversity import normalise
from prover.search.readability import cost
from prover.source.lexer import Token, tokenize

Holds = Callable[[str], Awaitable[bool]]
"""Asks whether a proof is verified."""

_FIRST_LINES = re.compile(r"^( *)first((?:\n\1  \| [^\n]+)+)", re.MULTILINE)
_WORDS = re.compile(r" at \*| ⊢(?=\s|$)| \+\w+|\btry |\ball_goals ")
_CLOSING = {"(": ")", "[": "]", "{": "}", "⟨": "⟩"}
_LONGEST_LIST = 32
_LONGEST_PROOF = 20_000  # characters; longer proofs are left unchanged


async def minimise(proof: str, holds: Holds, checks: int, seconds: float, others: Iterable[str] = ()) -> str:
    """Return the most readable proof that greedy reduction finds within a number of checks and seconds; at worst
    `proof`.

    Args:
        proof: a verified proof.
        holds: asks whether a text is verified, one text at a time.
        others: alternative proofs, best first; those more readable than `proof` are tried before it is reduced.
    """
    if len(proof) > _LONGEST_PROOF:
        return proof
    tried = {normalise(proof)}
    try:
        async with asyncio.timeout(seconds):
            better = (other for other in others if cost(other) < cost(proof))
            for other in itertools.islice(better, checks // 2):
                checks -= 1
                tried.add(normalise(other))
                if await holds(other):
                    return other
            while (shorter := await _shorter(proof, holds, checks, tried)) is not None:
                proof, checks = shorter
    except TimeoutError:
        pass
    return proof


async def _shorter(proof: str, holds: Holds, checks: int, tried: set[str]) -> tuple[str, int] | None:
    """Return the first reduction that is verified, and the number of checks left; None if there is none."""
    for reduced in reductions(proof):
        if (key := normalise(reduced)) in tried:
            continue
        if checks == 0:
            return None
        tried.add(key)
        checks -= 1
        if await holds(reduced):
            return reduced, checks
    return None


def reductions(proof: str) -> Iterator[str]:
    """Yield more readable texts that may still be proofs; within each kind, those that leave out most come first."""
    before = cost(proof)
    kinds = (
        _without_attempts(proof),
        _alternatives(proof),
        _shared_lists(proof),
        _one_step(proof),
        _without_steps(proof),
        _simpler_steps(proof),
        _lists(proof),
    )
    for reduced in itertools.chain(*kinds):
        if cost(reduced) < before:
            yield reduced


def _without_attempts(proof: str) -> Iterator[str]:
    """Yield the proof without any of the lines that may fail."""
    lines = _lines(proof)
    without = [line for line in lines if not line.lstrip().startswith("try ")]
    if len(without) < len(lines):
        yield "\n".join(without)


def _one_step(proof: str) -> Iterator[str]:
    """Yield each step of a tactic proof alone, the last first."""
    lines = _lines(proof)
    if not proof.startswith("by"):
        return
    for start in range(len(lines) - 1, 0, -1):
        if lines[start].lstrip().startswith("|"):
            continue
        block = lines[start : _block_end(lines, start)]
        margin = _indent(block[0])
        step = [line[margin:] for line in block]
        step[0] = step[0].removeprefix("· ")
        yield "by\n" + "\n".join("  " + line for line in step)


def _without_steps(proof: str) -> Iterator[str]:
    """Yield the proof without one line and the block below it, the longest blocks first."""
    lines = _lines(proof)
    starts = [i for i in range(1, len(lines)) if lines[i].strip() and not lines[i].lstrip().startswith(("|", "·"))]
    blocks = sorted(((_block_end(lines, start) - start, start) for start in starts), reverse=True)
    for size, start in blocks:
        yield "\n".join(lines[:start] + lines[start + size :])


def _alternatives(proof: str) -> Iterator[str]:
    """Yield the proof with half of the alternatives of a `first | … | …`."""
    for match in _FIRST_LINES.finditer(proof):
        tactics = [line.strip().removeprefix("| ") for line in match[2].splitlines()[1:]]
        for block in _halves(tactics):
            yield proof[: match.start()] + match[1] + block + proof[match.end() :]
    for match in re.finditer(r"\bfirst(?= \|)", proof):
        tactics, end = _inline_alternatives(proof, match.end())
        for block in _halves(tactics):
            yield proof[: match.start()] + block + proof[end:]


def _halves(tactics: list[str]) -> Iterator[str]:
    half = (len(tactics) + 1) // 2
    for kept in (tactics[:half], tactics[half:]) if len(tactics) > 1 else (tactics,):
        yield kept[0] if len(kept) == 1 else f"first | {' | '.join(kept)}"


def _inline_alternatives(proof: str, start: int) -> tuple[list[str], int]:
    """Return the alternatives on the rest of a line, up to the end of the enclosing bracket, and the offset after
    them.
    """
    depth = 0
    starts: list[int] = []
    for end in range(start, len(proof) + 1):
        character = proof[end : end + 1]
        depth += (character in _CLOSING) - (character in _CLOSING.values())
        if character in ("", "\n") or depth < 0:
            break
        if character == "|" and not depth:
            starts.append(end)
    bounds = itertools.pairwise([*starts, end])
    return [proof[one + 1 : other].strip() for one, other in bounds], end


def _simpler_steps(proof: str) -> Iterator[str]:
    """Yield the proof with one step simplified: without the part after `<;>` or `;`, without `try`, options or
    locations.
    """
    lines = _lines(proof)
    for number, line in enumerate(lines):
        for separator in (" <;> ", "; "):
            before, found, after = line.rpartition(separator)
            if found and before.count("(") == before.count(")"):
                margin = " " * _indent(line)
                for kept in (before, margin + after):
                    yield "\n".join([*lines[:number], kept, *lines[number + 1 :]])
    for match in _WORDS.finditer(proof):
        yield proof[: match.start()] + proof[match.end() :]
    for match in re.finditer(r"\(([^()\n]*); done\)", proof):
        yield proof[: match.start()] + match[1] + proof[match.end() :]


def _lists(proof: str) -> Iterator[str]:
    """Yield the proof with one list in square brackets removed, halved, or shorter by one item."""
    for place in _places(proof):
        for kept in _shorter_lists(place.items):
            yield _with_list(proof, [place], kept)


def _shared_lists(proof: str) -> Iterator[str]:
    """Yield the proof with a repeated list, for instance of definitions to unfold, shortened at all its occurrences."""
    by_items: dict[tuple[str, ...], list[_ListPlace]] = {}
    for place in _places(proof):
        by_items.setdefault(place.items, []).append(place)
    for items, places in by_items.items():
        if len(places) > 1:
            for kept in _shorter_lists(items):
                yield _with_list(proof, places, kept)


@dataclass(frozen=True, slots=True)
class _ListPlace:
    items: tuple[str, ...]
    start: int
    end: int


def _places(proof: str) -> Iterator[_ListPlace]:
    """Return the spans of lists in square brackets that are short enough to be tried."""
    tokens = list(tokenize(proof))
    for index, token in enumerate(tokens):
        if token.text == "[" and (found := _items(proof, tokens, index)) is not None:
            items, end = found
            if 0 < len(items) <= _LONGEST_LIST:
                yield _ListPlace(tuple(items), token.start, end)


def _shorter_lists(items: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield shorter versions of a list: the empty list, its halves, and the list without each one item."""
    yield ()
    half = len(items) // 2
    if half > 1:
        yield from (items[:half], items[half:])
    if len(items) > 1:
        yield from (items[:removed] + items[removed + 1 :] for removed in range(len(items)))


def _with_list(proof: str, places: Sequence[_ListPlace], kept: tuple[str, ...]) -> str:
    """Return the proof with these items in place of some lists; the brackets are removed if there are no items."""
    for place in reversed(places):
        before = proof[: place.start] if kept else proof[: place.start].rstrip(" ")
        proof = before + (f"[{', '.join(kept)}]" if kept else "") + proof[place.end :]
    return proof


def _items(proof: str, tokens: list[Token], opening: int) -> tuple[list[str], int] | None:
    """Return the items of the list that opens at a token, and the offset after it; None if it is not closed."""
    awaited = ["]"]
    items: list[str] = []
    start = tokens[opening].end
    for token in tokens[opening + 1 :]:
        if token.text in _CLOSING:
            awaited.append(_CLOSING[token.text])
        elif token.text == awaited[-1]:
            awaited.pop()
            if not awaited:
                items.append(proof[start : token.start].strip())
                return [item for item in items if item], token.end
        elif token.text == "," and len(awaited) == 1:
            items.append(proof[start : token.start].strip())
            start = token.end
    return None


def _lines(proof: str) -> list[str]:
    """Split into lines, with the first tactic on its own line."""
    text = proof.strip()
    if match := re.match(r"by[ \t]+(?=\S)", text):
        rest = text[match.end() :].split("\n")
        return ["by", "  " + rest[0], *rest[1:]]
    return text.split("\n")


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))


def _block_end(lines: list[str], start: int) -> int:
    """Return the number of the first line after `start` that is not part of its block (deeper lines and alternatives
    are).
    """
    margin = _indent(lines[start])
    alternatives = not lines[start].lstrip().startswith("|")
    for number in range(start + 1, len(lines)):
        line = lines[number]
        hangs = _indent(line) > margin or (alternatives and _indent(line) == margin and line.lstrip().startswith("|"))
        if line.strip() and not hangs:
            return number
    return len(lines)
