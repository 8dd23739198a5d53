"""Vetoes of hints: claims that Lean does not confirm, giving the proof away, several steps, contradiction of an earlier
hint.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from prover.source.lexer import tokenize
from prover.tutor.hints import GivenHint, Level, Veto
from prover.tutor.proofs.moves import ProofMove
from prover.tutor.wording.catalogue import catalogue

_INLINE = re.compile(r"`([^`\n]+)`")
_ALTERNATIVE = re.compile(r"another way", re.IGNORECASE)
_WORD = re.compile(r"[\w'?!.+]+")


@dataclass(frozen=True, slots=True)
class Situation:
    """The state of a learner, as needed to judge hints.

    Attributes:
        level: level of the hint.
        step: its step, as in `GivenHint.step`.
        moves: moves of a verified proof that continues from there, the hint's step first.
        closing: texts known to close the goal.
        said: texts of Lean that a hint may quote: the goal, types of lemmas.
        earlier: hints given before.
        exists: whether Lean knows a name.
        closes: whether one of some texts, run as tactics on the learner's goal, closes it.
    """

    level: Level
    step: str
    moves: tuple[ProofMove, ...]
    closing: tuple[str, ...]
    said: tuple[str, ...]
    earlier: tuple[GivenHint, ...]
    exists: Callable[[str], Awaitable[bool]]
    closes: Callable[[Sequence[str]], Awaitable[bool]]


async def veto(hint: str, at: Situation) -> Veto | None:
    """Return the first objection to a hint; None if it may be given."""
    code = fragments(hint)
    if _contradicts(hint, at):
        return Veto.CONTRADICTION
    if any(_several(fragment, at) for fragment in code):
        return Veto.SEVERAL_STEPS
    if at.level is not Level.FULL_STEP:
        if any(gives_away(fragment, closing) for fragment in code for closing in at.closing):
            return Veto.LEAK
        if any(_in_words(hint, closing) for closing in at.closing):
            return Veto.LEAK
        runnable = [fragment for fragment in code if "…" not in fragment and not _quoted(fragment, at)]
        if runnable and await at.closes(runnable):
            return Veto.LEAK
    for fragment in code:
        if not (_ran(fragment, at) or _quoted(fragment, at) or await _named(fragment, at)):
            return Veto.FALSE_CLAIM
    return None


def fragments(hint: str) -> list[str]:
    """Return the code in a hint: in backticks, and in lines indented by four blanks."""
    blocks: list[str] = []
    lines: list[str] = []
    for line in [*hint.split("\n"), ""]:
        if line.startswith("    "):
            lines.append(line[4:])
        elif lines:
            blocks.append("\n".join(lines))
            lines = []
    prose = "\n".join(line for line in hint.split("\n") if not line.startswith("    "))
    return blocks + _INLINE.findall(prose)


def gives_away(fragment: str, closing: str) -> bool:
    """Whether code contains a text that closes the goal, or differs from one in a single token, or in a letter of a
    single token.
    """
    tokens, wanted = _tokens(fragment), _tokens(closing)
    if not tokens or not wanted:
        return False
    if _contains(tokens, wanted):
        return True
    if len(wanted) == 1:
        return len(tokens) == 1 and _one_edit(tokens[0], wanted[0])
    return _one_edit(tokens, wanted)


def _in_words(hint: str, closing: str) -> bool:
    """Whether the sentence contains the closing text verbatim outside its code."""
    wanted = _tokens(closing)
    prose = _INLINE.sub(" ", hint)
    return bool(wanted) and _contains(_WORD.findall(prose) if len(wanted) == 1 else _tokens(prose), wanted)


def _tokens(text: str) -> list[str]:
    return [token.text for token in tokenize(text)]


def _contains(said: Sequence[str], wanted: Sequence[str]) -> bool:
    return any(list(said[at : at + len(wanted)]) == list(wanted) for at in range(len(said) - len(wanted) + 1))


def _one_edit(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether at most one item is inserted, removed or replaced."""
    if abs(len(one) - len(other)) > 1:
        return False
    short, long = sorted((one, other), key=len)
    same = next((at for at, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    behind = same + 1 if len(short) == len(long) else same
    return list(short[behind:]) == list(long[same + 1 :])


def _contradicts(hint: str, at: Situation) -> bool:
    """Whether an earlier hint for the same goal had another step, and this one does not say that it is an
    alternative.
    """
    goal = at.step.partition("-")[0]
    others = [one for one in at.earlier if one.step.partition("-")[0] == goal and one.step != at.step]
    return bool(others) and not _ALTERNATIVE.search(hint)


def _several(fragment: str, at: Situation) -> bool:
    tokens = _tokens(fragment)
    step = _tokens(at.moves[0].text)
    later = (_tokens(move.text) for move in at.moves[1:])
    if any(len(text) > 1 and _contains(tokens, text) and not _contains(step, text) for text in later):
        return True
    return any(sign in tokens and sign not in step for sign in (";", "<;>"))


def _ran(fragment: str, at: Situation) -> bool:
    """Whether the code is the step, or the step with parts replaced by `…`."""
    step = _tokens(at.moves[0].text)
    place = 0
    for piece in fragment.split("…"):
        wanted = _tokens(piece)
        places = range(place, len(step) - len(wanted) + 1)
        found = next((start for start in places if step[start : start + len(wanted)] == wanted), None)
        if found is None:
            return False
        place = found + len(wanted)
    return True


def _quoted(fragment: str, at: Situation) -> bool:
    """Whether Lean has printed the text: the goal, a part of it, or the type of a lemma."""
    wanted = _tokens(fragment)
    return any(_contains(_tokens(text), wanted) for text in at.said)


async def _named(fragment: str, at: Situation) -> bool:
    """Whether the text is a tactic of the catalogue, or a name that Lean knows."""
    return fragment in catalogue().tactics or fragment in _SIGNS or await at.exists(fragment)


_SIGNS = frozenset({"sorry", "←", "?_", "if", "match", "…", "False"})
