"""Selects theorems with several verified proofs, each of several steps, for training and for evaluation.

    python -m training.tutoring.theorems --conjectures CONJECTURES.jsonl.gz --written PROOFS.jsonl --train 100 --held-out 210 --out FOLDER

`--written` is a file of proofs written by people, rows of `id`, `statement`, `context` and `proof`. No family of
theorems is in both outputs.
"""

import argparse
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from training.conjectures.outcome import ConjectureOutcome
from training.corpus.jsonl import read_jsonl, write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.record import TheoremRecord

_FEWEST_LINES, _MOST_LINES = 2, 12
_MOST_MILLISECONDS = 600  # Lean's total time for a conjecture
_MOST_CHARACTERS = 240  # length of a statement
_WRITTEN_SHARE = 0.3


def main() -> None:
    """Write `train.jsonl.gz` and `held-out.jsonl.gz`."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--conjectures", type=Path, required=True)
    parser.add_argument("--written", type=Path, required=True)
    parser.add_argument("--train", type=int, default=100)
    parser.add_argument("--held-out", type=int, default=210)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    outcomes = [outcome for _, outcome in read_jsonl(options.conjectures, ConjectureOutcome)]
    train, held_out = chosen(conjectures(outcomes), written(options.written), options.train, options.held_out)
    options.out.mkdir(parents=True, exist_ok=True)
    write_jsonl(options.out / "train.jsonl.gz", train)
    write_jsonl(options.out / "held-out.jsonl.gz", held_out)
    print(f"{len(train)} to learn on, {len(held_out)} held out")


def conjectures(outcomes: Iterable[ConjectureOutcome]) -> list[ProvedTheorem]:
    """Return, for each family, the theorem with the most proofs of several steps."""
    best: dict[str, ProvedTheorem] = {}
    for outcome in outcomes:
        theorem = outcome.theorem
        if theorem is None or outcome.milliseconds > _MOST_MILLISECONDS or len(theorem.statement) > _MOST_CHARACTERS:
            continue
        proofs = tuple(proof for proof in outcome.proofs if _is_long_enough(proof))
        if proofs and len(proofs) > len(best[theorem.family].proofs if theorem.family in best else ()):
            best[theorem.family] = ProvedTheorem(theorem=theorem, proofs=proofs)
    return list(best.values())


def written(path: Path) -> list[ProvedTheorem]:
    """Read the proofs written by people that have several steps."""
    found = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if not _is_long_enough(row["proof"]) or ("context" in row and "import" in row["context"]):
            continue
        name = row["statement"].split()[1]
        record = TheoremRecord(
            name=name, statement=row["statement"], context=row.get("context", ""), family=f"written/{name}"
        )
        found.append(ProvedTheorem(theorem=record, proofs=(row["proof"],)))
    return found


def chosen(
    drawn: Sequence[ProvedTheorem], by_people: Sequence[ProvedTheorem], train: int, held_out: int
) -> tuple[list[ProvedTheorem], list[ProvedTheorem]]:
    """Return theorems for training and for evaluation, in the order of a digest of their families."""
    parts: tuple[list[ProvedTheorem], list[ProvedTheorem]] = ([], [])
    ordered = [sorted(some, key=_place) for some in (by_people, drawn)]
    count_taken = 0
    for part, count in zip(parts, (train, held_out), strict=True):
        people = ordered[0][count_taken : count_taken + round(_WRITTEN_SHARE * count)]
        count_taken += len(people)
        part += people
    count_taken = 0
    for part, count in zip(parts, (train, held_out), strict=True):
        extra = ordered[1][count_taken : count_taken + count - len(part)]
        count_taken += len(extra)
        part += extra
        part.sort(key=_place)
    return parts


def _is_long_enough(proof: str) -> bool:
    return proof.startswith("by") and _FEWEST_LINES <= proof.count("\n") <= _MOST_LINES


def _place(proved: ProvedTheorem) -> str:
    return hashlib.sha256(proved.theorem.family.encode()).hexdigest()


if __name__ == "__main__":
    main()
