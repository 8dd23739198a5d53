"""The fixed battery: honest proofs, exploits of every class, and questions with known answers."""

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
    """A candidate with a known verdict.

    Attributes:
        group: the class of an exploit; `honest` for a proof.
        expected: correct verdicts.
        contained: whether quarantine may verify the exploit: there its statement is true, or depends on an axiom that
            the client itself declares.
        seconds: deadline of the check in seconds.
    """

    id: str
    group: str
    theorem: Theorem
    candidate: Candidate
    expected: frozenset[VerdictKind]
    contained: bool = False
    seconds: float = 30.0


def cases() -> list[Case]:
    """Return the battery, honest proofs first."""
    return [_case(json.loads(line)) for name in _FILES for line in _read(name).split("\n") if line]


def digest() -> str:
    """Digest of the battery; a certificate records which battery was passed."""
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
