"""Archives of seed searches without the theorems: small enough for the source tree, and not a copy of a corpus.

    python -m training.seeds.archive pack SEEDS.jsonl ARCHIVE.jsonl.gz
    python -m training.seeds.archive unpack ARCHIVE.jsonl.gz CORPUS.jsonl... --out SEEDS.jsonl [--proved PROVED.jsonl]

Theorems are looked up in their corpus by digest. `unpack` restores the output of the search, from which the search can
resume; `--proved` writes the file for fine-tuning.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from training.corpus.jsonl import read_jsonl, write_jsonl
from training.corpus.record import TheoremRecord, read_corpus
from training.seeds.questions import SeedEnding
from training.seeds.run import SeedRecord, read_seeds, write_proved


class ArchivedSeeds(BaseModel):
    """A `SeedRecord` with the digest in place of its theorem; one JSON object per line."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    digest: str = Field(pattern="^[0-9a-f]{64}$")
    """Digest of the theorem."""
    guard: str = ""
    """The library theorem that it is, if any."""
    proofs: tuple[str, ...] = ()
    """Texts after `:=`; each verified, no two equal."""
    origins: tuple[str, ...] = ()
    """Origin of each proof."""
    ending: SeedEnding
    """Reason why the search ended."""
    requests: int = Field(ge=0)
    """Number of questions to Lean."""
    seconds: float = Field(ge=0)
    """Wall-clock time in seconds."""


def pack(seeds: Iterable[SeedRecord]) -> list[ArchivedSeeds]:
    """Remove the theorems."""
    return [
        ArchivedSeeds(digest=row.theorem.theorem.digest, guard=row.theorem.guard, **row.model_dump(exclude={"theorem"}))
        for row in seeds
    ]


def unpack(archive: Iterable[ArchivedSeeds], corpus: Iterable[TheoremRecord]) -> tuple[list[SeedRecord], int]:
    """Insert the theorems; also returns the number of rows whose theorem is not in the corpus."""
    theorems = {(record.theorem.digest, record.guard): record for record in corpus}
    rows, missing = [], 0
    for row in archive:
        record = theorems.get((row.digest, row.guard))
        if record is None:
            missing += 1
        else:
            rows.append(SeedRecord(theorem=record, **row.model_dump(exclude={"digest", "guard"})))
    return rows, missing


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.seeds.archive", description="Keep what was found.")
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="leave the theorems out")
    packing.add_argument("seeds", type=Path)
    packing.add_argument("archive", type=Path)
    unpacking = commands.add_parser("unpack", help="put them back in")
    unpacking.add_argument("archive", type=Path)
    unpacking.add_argument("corpora", type=Path, nargs="+", metavar="corpus")
    unpacking.add_argument("--out", type=Path, required=True, help="what the search wrote")
    unpacking.add_argument("--proved", type=Path, help="also the theorems with proofs, to fine-tune on")
    arguments = parser.parse_args()
    try:
        if arguments.command == "pack":
            print(f"{write_jsonl(arguments.archive, pack(read_seeds(arguments.seeds)))} rows in {arguments.archive}")
            return
        if arguments.out.exists():
            sys.exit(f"error: {arguments.out} exists; name another file, because the search may have continued in it")
        archived = (row for _, row in read_jsonl(arguments.archive, ArchivedSeeds))
        rows, missing = unpack(archived, (record for path in arguments.corpora for record in read_corpus(path)))
        print(f"{write_jsonl(arguments.out, rows)} rows in {arguments.out}, {missing} of other theorems left out")
        if arguments.proved:
            print(f"{write_proved(arguments.out, arguments.proved)} theorems with proofs in {arguments.proved}")
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
