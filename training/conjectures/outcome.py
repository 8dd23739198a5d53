"""What became of a conjecture, as it is written down; and the table of what each filter threw away.

    python -m training.conjectures.outcome CONJECTURES.jsonl[.gz]

prints the table.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from training.corpus.jsonl import read_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord


class Fate(StrEnum):
    """Whether a conjecture is kept, or which filter threw it away, in the order in which they are asked."""

    KNOWN = "known"
    """It is a source's, another conjecture's, or one of them in other words."""
    HELD_OUT = "held_out"
    """It is, or nearly is, a theorem that models are evaluated on."""
    MALFORMED = "malformed"
    """Lean cannot read it."""
    UNPROVED = "unproved"
    """No candidate proved it: false, or out of reach."""
    TRIVIAL = "trivial"
    """It needs no thought: `rfl`, `trivial` or a hypothesis closes it."""
    VACUOUS = "vacuous"
    """The hypotheses contradict each other."""
    KEPT = "kept"
    """It is a new theorem."""


class ConjectureOutcome(BaseModel):
    """One conjecture; one JSON object a line."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    number: int = Field(ge=0)
    """The number of the conjecture in the order in which they are drawn."""
    fate: Fate
    """What became of it."""
    mutations: tuple[str, ...]
    """What made it, first to last."""
    key: str = ""
    """Digest of what it shares with its other renditions."""
    theorem: TheoremRecord | None = None
    """The theorem; only of one that is kept. Its `source` names the theorem that it was made of."""
    proofs: tuple[str, ...] = ()
    """Different proofs, each verified."""
    tried: int = Field(default=0, ge=0)
    """Candidate proofs that Lean was asked about."""
    tokens: int = Field(default=0, ge=0)
    """Length of the shortest proof: with the share of candidates that hold, how hard it is."""
    milliseconds: int = Field(default=0, ge=0)
    """What Lean took for it."""


def proved(outcomes: Iterable[ConjectureOutcome]) -> Iterable[ProvedTheorem]:
    """The theorems that are kept, to fine-tune on."""
    return (ProvedTheorem(theorem=each.theorem, proofs=each.proofs) for each in outcomes if each.theorem is not None)


def table(outcomes: Iterable[ConjectureOutcome]) -> str:
    """A Markdown table: by mutation, how many were drawn, what each filter threw away, and what is kept."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        for row in (" + ".join(outcome.mutations[:1]), "all"):
            count = counts.setdefault(row, Counter())
            count.update({"drawn": 1, outcome.fate.value: 1, "proofs": len(outcome.proofs)})
            count["seconds"] += outcome.milliseconds / 1000  # type: ignore[assignment]
    fates = [fate.value for fate in Fate]
    lines = [
        "| first mutation | drawn | " + " | ".join(fate.replace("_", " ") for fate in fates) + " | proofs | Lean-s |",
        "| --- |" + " --- |" * (len(fates) + 3),
    ]
    for row in [*sorted(set(counts) - {"all"}), *(["all"] if "all" in counts else [])]:
        count = counts[row]
        cells = [count["drawn"], *(count[fate] for fate in fates), count["proofs"], round(count["seconds"])]
        lines.append(f"| {row} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.conjectures.outcome", description="What each filter threw away."
    )
    parser.add_argument("file", type=Path, help="what `leansieve conjectures` wrote")
    arguments = parser.parse_args()
    try:
        print(table(outcome for _, outcome in read_jsonl(arguments.file, ConjectureOutcome)))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
