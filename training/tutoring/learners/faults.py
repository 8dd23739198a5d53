"""Mistakes of learners who do not find a step: altered renditions of it, and plausible tactics."""

import re
from collections.abc import Sequence
from random import Random

from prover.search.tactics.goals.goal import read_goal
from prover.source.lexer import tokenize
from prover.tutor.proofs.moves import ProofMove

_ALTERNATIVE = re.compile(r"\n\| [^\n]*=>")
_GUESSES = 2  # different ones per goal
_PLAIN = re.compile(r"[A-Za-z_]\w*")


def guesses(goal: str) -> list[str]:
    """Return tactics that a learner may try at a goal without thinking, always the same for the same goal."""
    names = [binder.name for binder in read_goal(goal).hypotheses if _PLAIN.fullmatch(binder.name)]
    random = Random(goal)
    name = random.choice(names) if names else "h"
    menu = ["rfl", "constructor", "simp", "intro x", "left", f"exact {name}", f"rw [{name}]", "assumption", "right"]
    return random.sample(menu, _GUESSES)


def bent(step: str, goal: str) -> list[str]:
    """Return renditions of a step with one wrong token: the last omitted, a name replaced, a letter doubled.

    Always the same for the same step.
    """
    first, *rest = step.split("\n")
    tokens = list(tokenize(first))
    renditions = []
    if len(tokens) > 1:
        renditions.append(first[: tokens[-1].start].rstrip())
    names = [binder.name for binder in read_goal(goal).hypotheses if _PLAIN.fullmatch(binder.name)]
    used = [token for token in tokens[1:] if token.text in names]
    others = [name for name in names if used and name != used[0].text]
    if used and others:
        other = Random(step + goal).choice(others)
        renditions.append(first[: used[0].start] + other + first[used[0].end :])
    word = tokens[0].text if tokens else ""
    if len(word) > 1:
        renditions.append(first.replace(word, word + word[-1], 1))
    return ["\n".join([one, *rest]) for one in renditions if one.strip() and one != first]


def without_a_case(move: ProofMove) -> str | None:
    """Return a case split without its last case; None if there is no case to omit."""
    places = [match.start() for match in _ALTERNATIVE.finditer(move.text)]
    return move.text[: places[-1]] if len(places) > 1 else None


def pick(random: Random, some: Sequence[str], otherwise: str) -> str:
    """Choose one of some texts."""
    return random.choice(some) if some else otherwise
