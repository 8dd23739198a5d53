"""Honest proofs in all styles, one JSON object a line, in the shape that `leansieve check --jsonl` reads."""

import json
from dataclasses import dataclass
from pathlib import Path

from prover.candidate import Candidate
from prover.theorem import Header, Theorem
from prover.verdict import Mode
from prover.verdict import Path as Lane

HERE = Path(__file__).parent


@dataclass(frozen=True)
class HonestProof:
    id: str
    theorem: Theorem
    candidate: Candidate
    path: Lane


def parse(line: str) -> HonestProof:
    entry = json.loads(line)
    header = Header.parse(entry["header"]) if "header" in entry else Header()
    theorem = Theorem(entry["statement"], header, entry.get("context", ""))
    candidate = Candidate(entry["proof"]) if "proof" in entry else Candidate(entry["file"], Mode.FILE)
    return HonestProof(entry["id"], theorem, candidate, Lane(entry.get("path", "listed")))


def load(file: Path) -> list[HonestProof]:
    with file.open(encoding="utf-8") as lines:
        return [parse(line) for line in lines]


HONEST = {file.stem: load(file) for file in sorted(HERE.glob("*.jsonl"))}
CONTAINED = load(HERE / "contained" / "contained.jsonl")
"""Proofs with their own syntax, by path: `transparent`, or `quarantine` where code must run."""
