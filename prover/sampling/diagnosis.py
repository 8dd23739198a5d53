"""Diagnoses of failing proofs in a form that small models read and write: a line number and a kind of error."""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from prover.verdict import Message


class ErrorKind(StrEnum):
    """Classes of Lean's errors."""

    SYNTAX = "syntax"
    """A syntax error."""
    NAME = "unknown name"
    """An unknown name, field or case."""
    TYPE = "type mismatch"
    """A type mismatch, or a missing instance."""
    FORM = "wrong form"
    """The goal or hypothesis does not have the form that the tactic takes apart."""
    MATCH = "no match"
    """Nothing to rewrite, or a lemma that does not apply."""
    PROGRESS = "no progress"
    """A simplifier made no progress."""
    AUTOMATION = "not proved"
    """Automation failed to close its goal."""
    GOALS = "unsolved goals"
    """Unsolved goals."""
    LIMITS = "limits"
    """A limit of time, memory or recursion was reached."""
    OTHER = "other"
    """Any other error."""


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
"""Patterns for the first two lines of a message; the first match counts."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A line of a proof, from 1, and its kind of error."""

    line: int
    kind: ErrorKind

    @classmethod
    def of(cls, error: Message) -> Self:
        """Classify a message of Lean."""
        head = "\n".join(error.text.split("\n")[:2])
        return cls(error.line, next((kind for kind, pattern in _KINDS if pattern.search(head)), ErrorKind.OTHER))

    @classmethod
    def read(cls, text: str) -> Self | None:
        """Parse the text that `str` gives; None for any other text."""
        line, colon, kind = text.strip().partition(": ")
        if not colon or not line.isdecimal() or not line.isascii() or len(line) > 6 or kind not in set(ErrorKind):
            return None
        return cls(int(line), ErrorKind(kind))

    def __str__(self) -> str:
        return f"{self.line}: {self.kind}"
