"""Theorems with verified proofs, for fine-tuning a base model."""

from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from training.corpus.jsonl import read_jsonl
from training.corpus.record import TheoremRecord
from training.corpus.tables import is_table, read_table


class ProvedTheorem(BaseModel):
    """A theorem with different proofs; one JSON object per line in a file."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    theorem: TheoremRecord
    """The theorem."""
    proofs: tuple[str, ...] = Field(min_length=1)
    """Texts after `:=`; each was verified."""


def read_proofs(path: Path) -> list[ProvedTheorem]:
    """Read a JSONL file, or a table: see `training.corpus.tables`.

    Raises:
        ValueError: a line is not a proved theorem; the text names it and the reason.
    """
    read = read_table if is_table(path) else read_jsonl
    return [theorem for _, theorem in read(path, ProvedTheorem)]


def hold_out(theorems: Iterable[ProvedTheorem], share: float) -> tuple[list[ProvedTheorem], list[ProvedTheorem]]:
    """Return the training part and, about `share`, the held-out part: chosen by digest, so that more data move no
    theorem.
    """
    parts: tuple[list[ProvedTheorem], list[ProvedTheorem]] = [], []
    for proved in theorems:
        place = int(proved.theorem.theorem.digest[:8], 16) / 2**32
        parts[place < share].append(proved)
    return parts
