"""Whole files in quarantine: a text without a statement is checked as the proof of a theorem that stands below it."""

from dataclasses import replace

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.source.lean_file import line_and_column
from prover.source.lexer import tokenize
from prover.theorem import Theorem
from prover.verdict import Message, Region, Verdict

_NOTHING = "theorem _root_.leansieve_whole : True"
_OURS = "unexpected token 'theorem'"  # what Lean says where a text ends too early, because of the theorem below it
_ENDED = "unexpected end of input"


def as_theorem(theorem: Theorem, candidate: Candidate, terms: Terms) -> tuple[Theorem, Candidate, Terms]:
    """Turn a text without a statement into a theorem and a candidate: everything that it declares is judged."""
    text = f"{candidate.text}\n\n{_NOTHING} := trivial\n"
    policy = replace(terms.policy, whole=True)
    return replace(theorem, statement=_NOTHING), replace(candidate, text=text), replace(terms, policy=policy)


def within(text: str, verdict: Verdict) -> Verdict:
    """Let messages about what `as_theorem` adds below a text be about its end."""
    line, column = line_and_column(text, len(text))
    messages = tuple(
        replace(one, line=line, column=column) if one.region is Region.CANDIDATE and one.line > line else one
        for one in verdict.messages
    )
    if any(one.text.startswith(_OURS) for one in messages):
        end = line_and_column(text, max((token.end for token in tokenize(text)), default=0))
        messages = tuple(_about_the_end(one, end) for one in messages)
    return replace(verdict, messages=messages)


def _about_the_end(message: Message, end: tuple[int, int]) -> Message:
    if message.region is Region.CANDIDATE and (message.line, message.column) >= end:
        return replace(message, text=message.text.replace(_OURS, _ENDED, 1))
    return message
