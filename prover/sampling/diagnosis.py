"""Why a proof fails, in the few words that a small model reads and writes: a line, and a kind of error."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from prover.verdict import Message


class ErrorKind(StrEnum):
    """What Lean says, in classes."""

    SYNTAX = "syntax"
    """It cannot be read."""
    NAME = "unknown name"
    """A name, field or case that is not there."""
    TYPE = "type mismatch"
    """A term of another type, or an instance that is missing."""
    FORM = "wrong form"
    """The goal or a hypothesis is not of the form that the tactic takes apart."""
    MATCH = "no match"
    """Nothing to rewrite, or a lemma that does not apply."""
    PROGRESS = "no progress"
    """A simplifier that changes nothing."""
    AUTOMATION = "not proved"
    """Automation that does not close its goal."""
    GOALS = "unsolved goals"
    """Goals are left."""
    LIMITS = "limits"
    """Time, memory or recursion were not enough."""
    OTHER = "other"
    """None of these."""


_KINDS: tuple[tuple[ErrorKind, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        (ErrorKind.LIMITS, r"maximum recursion|heartbeats|deep recursion"),
        (ErrorKind.GOALS, r"^unsolved goals|^no goals"),
        (ErrorKind.SYNTAX, r"^unexpected |^expected |^unknown tactic|^missing |^unterminated"),
        (ErrorKind.NAME, r"^unknown |^case tag|^invalid field"),
        (ErrorKind.PROGRESS, r"made no progress"),
        (ErrorKind.TYPE, r"type mismatch|^failed to synthesize|^function expected"),
        (ErrorKind.MATCH, r"^tactic `(rewrite|apply|exact|refine)`|could not unify|did not find"),
        (
            ErrorKind.FORM,
            r"^tactic `(intro\w*|induction|r?cases|subst|constructor|left|right)`|^invalid |^insufficient",
        ),
        (ErrorKind.AUTOMATION, r"could not prove| failed|^failed$"),
    )
)
"""The first that is found in the first two lines of what Lean says."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A line of a proof, from 1, and what is wrong there."""

    line: int
    kind: ErrorKind

    @classmethod
    def of(cls, error: Message) -> Self:
        """What Lean said, classed."""
        head = "\n".join(error.text.split("\n")[:2])
        return cls(error.line, next((kind for kind, pattern in _KINDS if pattern.search(head)), ErrorKind.OTHER))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """What `str` gives, read again; None if it is something else."""
        line, colon, kind = text.strip().partition(": ")
        if not colon or not line.isdecimal() or not line.isascii() or len(line) > 6 or kind not in set(ErrorKind):
            return None
        return cls(int(line), ErrorKind(kind))

    def __str__(self) -> str:
        return f"{self.line}: {self.kind}"
