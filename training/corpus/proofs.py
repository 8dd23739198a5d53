"""Theorems with verified proofs: what a base model is fine-tuned on."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from training.corpus.jsonl import read_jsonl
from training.corpus.record import TheoremRecord
from training.corpus.tables import is_table, read_table


class ProvedTheorem(BaseModel):
    """A theorem and different proofs of it; one JSON object a line in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    theorem: TheoremRecord
    """The theorem."""
    proofs: tuple[str, ...] = Field(min_length=1)
    """What follows `:=`; each was verified."""


def read_proofs(path: Path) -> list[ProvedTheorem]:
    """Read a JSONL file, or a table: see `training.corpus.tables`.

    Raises:
        ValueError: a line is not a proved theorem; the text says which and why.
    """
    read = read_table if is_table(path) else read_jsonl
    return [theorem for _, theorem in read(path, ProvedTheorem)]


def hold_out(theorems: Iterable[ProvedTheorem], share: float) -> tuple[list[ProvedTheorem], list[ProvedTheorem]]:
    """Those to train on and, about `share` of them, those to hold out: by digest, so that more data moves none."""
    parts: tuple[list[ProvedTheorem], list[ProvedTheorem]] = [], []
    for proved in theorems:
        place = int(proved.theorem.theorem.digest[:8], 16) / 2**32
        parts[place < share].append(proved)
    return parts
