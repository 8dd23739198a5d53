"""Outcomes of conjectures, and the table of rejections by filter.

    python -m training.conjectures.outcome CONJECTURES.jsonl[.gz]... [--families] [--proved PROVED.jsonl]

prints the table; `--proved` also writes the theorems with proofs, as `leansieve conjectures --proved` does.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from training.corpus.jsonl import read_jsonl, write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord


class ConjectureStatus(StrEnum):
    """Whether a conjecture is kept, or the filter that rejected it, in the order of the filters."""

    KNOWN = "known"
    """Equal to a source or another conjecture, up to rendition."""
    HELD_OUT = "held_out"
    """Equal or nearly equal to a theorem of an evaluation corpus."""
    FALSE = "false"
    """Small numbers refute it."""
    MALFORMED = "malformed"
    """Lean cannot parse or elaborate it."""
    UNPROVED = "unproved"
    """No candidate proved it: it is false, or too hard."""
    TRIVIAL = "trivial"
    """Trivial: `rfl`, `trivial` or a hypothesis closes it."""
    INSTANCE = "instance"
    """An instance of the library theorem from which it was made."""
    VACUOUS = "vacuous"
    """The hypotheses contradict each other."""
    OPEN = "open"
    """No candidate proved it, but it holds for all numbers tried, or it is a library theorem."""
    KEPT = "kept"
    """A new theorem with proofs."""


class CheckedCandidate(NamedTuple):
    """A candidate proof that was checked."""

    recipe: str
    """Name of the recipe, or the tactics of a proof that came with the conjecture."""
    gained: bool
    """Whether it gave a new proof."""
    milliseconds: int
    """Lean's time for it."""


class ConjectureOutcome(BaseModel):
    """A conjecture with its outcome; one JSON object per line."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    number: int = Field(ge=0)
    """Number in the order of drawing."""
    status: ConjectureStatus = Field(validation_alias=AliasChoices("status", "fate"))
    """Kept, open, or the filter that rejected it."""
    mutations: tuple[str, ...]
    """Mutations that made it, first to last."""
    key: str = ""
    """Digest of the key shared with other renditions."""
    theorem: TheoremRecord | None = None
    """The theorem, if it is kept or open. Its `source` names the theorem from which it was made."""
    proofs: tuple[str, ...] = ()
    """Different proofs, each verified."""
    terms: tuple[str, ...] = ()
    """Digest of the term of each proof, in the same order, all different; the proof's text if the term is too large. Files of earlier versions have none."""
    seed: int | None = None
    """Seed with which it was drawn. Files of earlier versions have none."""
    arm: str = ""
    """The origin of the conjecture: a template, a mutation with its kind of source, the library. Files of earlier versions have none."""
    kind: str = ""
    """Kind of theorem for choosing recipes. Files of earlier versions have none."""
    attempts: tuple[CheckedCandidate, ...] = ()
    """Candidates in the order in which they were checked. Files of earlier versions have none."""
    tried: int = Field(default=0, ge=0)
    """Number of candidate proofs checked."""
    tokens: int = Field(default=0, ge=0)
    """Length of the shortest proof; a measure of difficulty, together with the share of candidates that hold."""
    milliseconds: int = Field(default=0, ge=0)
    """Lean's time for it in milliseconds."""


def proved(outcomes: Iterable[ConjectureOutcome]) -> Iterable[ProvedTheorem]:
    """Return the kept theorems with proofs, for fine-tuning."""
    return (
        ProvedTheorem(theorem=each.theorem, proofs=each.proofs)
        for each in outcomes
        if each.theorem is not None and each.proofs
    )


def table(outcomes: Iterable[ConjectureOutcome]) -> str:
    """Return a Markdown table: by mutation, the number drawn, rejected by each filter, and kept."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        for row in (" + ".join(outcome.mutations[:1]), "all"):
            count = counts.setdefault(row, Counter())
            count.update({"drawn": 1, outcome.status.value: 1, "proofs": len(outcome.proofs)})
            count["seconds"] += outcome.milliseconds / 1000  # type: ignore[assignment]
    statuses = [status.value for status in ConjectureStatus]
    lines = [
        "| first mutation | drawn | "
        + " | ".join(status.replace("_", " ") for status in statuses)
        + " | proofs | Lean-s |",
        "| --- |" + " --- |" * (len(statuses) + 3),
    ]
    for row in [*sorted(set(counts) - {"all"}), *(["all"] if "all" in counts else [])]:
        count = counts[row]
        cells = [count["drawn"], *(count[status] for status in statuses), count["proofs"], round(count["seconds"])]
        lines.append(f"| {row} | " + " | ".join(f"{cell:,}" for cell in cells) + " |")
    return "\n".join(lines)


def families(outcomes: Iterable[ConjectureOutcome]) -> str:
    """Return a Markdown table of the theorems by family: number, share, proofs by text and by term, open statements."""
    counts: dict[str, Counter[str]] = {}
    terms: dict[str, set[tuple[str, str]]] = {}
    for outcome in outcomes:
        if outcome.theorem is None:
            continue
        for row in (arm_of(outcome).partition("/")[0], "all"):
            counts.setdefault(row, Counter()).update(
                {"theorems": bool(outcome.proofs), "open": not outcome.proofs, "proofs": len(outcome.proofs)}
            )
            terms.setdefault(row, set()).update((outcome.key, term) for term in outcome.terms)
    whole = max(1, counts.get("all", Counter())["theorems"])
    lines = ["| family | theorems | share | proofs | by term | open |", "| --- |" + " --- |" * 5]
    for row in [*sorted(set(counts) - {"all"}), *(["all"] if "all" in counts else [])]:
        count = counts[row]
        share = f"{count['theorems'] / whole:.1%}"
        lines.append(
            f"| {row} | {count['theorems']:,} | {share} | {count['proofs']:,} | {len(terms[row]):,} | {count['open']:,} |"
        )
    return "\n".join(lines)


def arm_of(outcome: ConjectureOutcome) -> str:
    """Return what a conjecture was drawn from; empty if a file of an earlier version does not tell."""
    if outcome.arm or outcome.theorem is None:
        return outcome.arm
    root, _, _ = outcome.theorem.family.partition("/")
    if root in ("conjectures", "library"):
        return f"{'library' if root == 'library' else 'changed'}: {outcome.mutations[0]}"
    return "library" if outcome.theorem.guard else outcome.theorem.family


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.conjectures.outcome", description="What each filter threw away."
    )
    parser.add_argument("files", type=Path, nargs="+", metavar="file", help="what `leansieve conjectures` wrote")
    parser.add_argument("--families", action="store_true", help="print the theorems by family instead")
    parser.add_argument("--proved", type=Path, help="also write the theorems with proofs, to fine-tune on")
    arguments = parser.parse_args()
    try:
        outcomes = [outcome for file in arguments.files for _, outcome in read_jsonl(file, ConjectureOutcome)]
        if arguments.proved is not None:
            print(f"{write_jsonl(arguments.proved, proved(outcomes))} theorems with proofs in {arguments.proved}")
        print((families if arguments.families else table)(outcomes))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
