"""The fixed battery: honest proofs, exploits of every class, and questions whose answers are known."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from prover.candidate import Candidate
from prover.theorem import Header, Theorem
from prover.verdict import Mode, VerdictKind

_FILES = ("honest.jsonl", "exploits.jsonl")


@dataclass(frozen=True, slots=True)
class Case:
    """A candidate whose verdict is known.

    Attributes:
        group: the class of an exploit; `honest` for a proof.
        expected: the verdicts that are right.
        contained: whether quarantine may verify it all the same: its statement is true there, or rests on an axiom that its asker states.
        seconds: deadline of the check.
    """

    id: str
    group: str
    theorem: Theorem
    candidate: Candidate
    expected: frozenset[VerdictKind]
    contained: bool = False
    seconds: float = 30.0


def cases() -> list[Case]:
    """The battery, honest proofs first."""
    return [_case(json.loads(line)) for name in _FILES for line in _read(name).split("\n") if line]


def digest() -> str:
    """Names the battery: a certificate says which one was passed."""
    text = "".join(map(_read, _FILES))
    return hashlib.sha256(text.encode()).hexdigest()


def _read(name: str) -> str:
    return (files(__name__.rpartition(".")[0]) / name).read_text(encoding="utf-8")


def _case(entry: Mapping[str, Any]) -> Case:
    header = Header.parse(entry["header"]) if "header" in entry else Header()
    theorem = Theorem(entry["statement"], header, entry.get("context", ""))
    mode = Mode.FILE if "file" in entry else Mode.PROOF
    expected = frozenset(VerdictKind(kind) for kind in entry.get("expected", ["verified"]))
    candidate = Candidate(entry.get(mode.value, ""), mode, source="battery")
    return Case(
        entry["id"],
        entry.get("group", "honest"),
        theorem,
        candidate,
        expected,
        entry.get("contained", False),
        entry.get("seconds", 30.0),
    )
