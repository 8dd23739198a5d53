"""Merges files of proved theorems into one for fine-tuning and one for measuring the loss.

    python -m training.conjectures.mixture PROVED.jsonl... --out TRAIN.jsonl --dev DEV.jsonl --held-out CORPUS.jsonl... [--copies 3] \\
        [--keep library=0.25]

Theorems equal or nearly equal to one of a held-out corpus are left out. Renditions, renamed copies and conjectures made
of a theorem in the dev file are not in the other file. `--keep` leaves out a part of the theorems of large families.
"""

import argparse
import hashlib
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from prover.search.diversity import distinct_key
from training.conjectures.renaming import renamed
from training.corpus.held_out import HeldOut
from training.corpus.jsonl import write_jsonl
from training.corpus.newness import key
from training.corpus.proofs import ProvedTheorem, read_proofs
from training.corpus.record import TheoremRecord, read_corpus


def merged(theorems: Iterable[ProvedTheorem], held_out: Sequence[TheoremRecord]) -> tuple[list[ProvedTheorem], int]:
    """Return each theorem once, with all its different proofs, and the number left out because of held-out theorems."""
    guard = HeldOut(held_out)
    found: dict[str, tuple[TheoremRecord, dict[str, str]]] = {}
    left_out: set[str] = set()
    for proved in theorems:
        record = proved.theorem
        identity = key(record)
        if record in guard:
            left_out.add(identity)
            continue
        _, proofs = found.setdefault(
            identity + "\0" + record.statement.partition(" ")[2].partition(" ")[2], (record, {})
        )
        for proof in proved.proofs:
            proofs.setdefault(distinct_key(proof, record.theorem), proof)
    together = [ProvedTheorem(theorem=record, proofs=tuple(proofs.values())) for record, proofs in found.values()]
    return together, len(left_out)


def parted(theorems: Sequence[ProvedTheorem], share: float) -> tuple[list[ProvedTheorem], list[ProvedTheorem]]:
    """Return the training part, and about `share` of the theorems that are not conjectures; nothing in the first part
    was made from the second.
    """
    dev = [each for each in theorems if not _source(each.theorem) and _place(key(each.theorem)) < share]
    names, keys = {each.theorem.name for each in dev}, {key(each.theorem) for each in dev}
    chosen = {id(each) for each in dev}
    train = [
        each
        for each in theorems
        if id(each) not in chosen and _source(each.theorem) not in names and key(each.theorem) not in keys
    ]
    return train, dev


def thinned(theorems: Iterable[ProvedTheorem], shares: Mapping[str, float]) -> list[ProvedTheorem]:
    """Return about the given share of the theorems of each family, named by its first part, and all others."""
    return [
        each
        for each in theorems
        if (share := shares.get(each.theorem.family.partition("/")[0], 1.0)) >= 1
        or _place("keep " + key(each.theorem)) < share
    ]


def _share(text: str) -> tuple[str, float]:
    family, _, share = text.partition("=")
    if not family or not 0 <= float(share) <= 1:
        raise ValueError(text)
    return family, float(share)


def _source(record: TheoremRecord) -> str:
    """Return the theorem from which a conjecture was made; empty for other theorems."""
    root, _, name = record.family.partition("/")
    return name if root in ("conjectures", "library") else ""


def _place(text: str) -> float:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16) / 2**32


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.conjectures.mixture", description="Mix training data.")
    parser.add_argument("proved", type=Path, nargs="+")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--dev", type=Path, required=True)
    parser.add_argument("--held-out", type=Path, nargs="*", default=[])
    parser.add_argument("--share", type=float, default=0.04, help="of the theorems, for the dev file")
    parser.add_argument("--copies", type=int, default=3, help="of each theorem, in other names")
    parser.add_argument(
        "--keep", type=_share, nargs="*", default=[], metavar="FAMILY=SHARE", help="keep this share of a family"
    )
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        held_out = [record for path in arguments.held_out for record in read_corpus(path)]
        theorems, left_out = merged((each for path in arguments.proved for each in read_proofs(path)), held_out)
        train, dev = parted(theorems, arguments.share)
        train = thinned(train, dict(arguments.keep))
        copies = write_jsonl(arguments.out, renamed(train, arguments.copies, arguments.seed))
        write_jsonl(arguments.dev, dev)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    pairs = sum(len(each.proofs) for each in train)
    print(f"{len(train)} theorems with {pairs} proofs ({copies} with renamed copies) in {arguments.out}, {len(dev)} in")
    print(f"{arguments.dev}; {left_out} left out because of held-out theorems")


if __name__ == "__main__":
    main()
