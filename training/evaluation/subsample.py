"""Chooses a random subsample of the samples that were drawn of each theorem: a part to check completely.

    python -m training.evaluation.subsample TEXTS.jsonl.gz --samples 64 --out SUBSAMPLE.jsonl.gz [--seed 0]

TEXTS are those of `python -m training.evaluation.apart`. The samples that remain are distributed as if only so many had
been drawn.
"""

import argparse
import gzip
import sys
from pathlib import Path

import numpy as np

from training.evaluation.apart import Drawn, write_drawn


def subsample(row: Drawn, samples: int, random: np.random.Generator) -> Drawn:
    """Return so many of a theorem's samples, chosen without replacement.

    Raises:
        ValueError: there are fewer.
    """
    counts = [count for _, count, _ in row.texts]
    if sum(counts) < samples:
        raise ValueError(f"{row.name} has {sum(counts)} samples, fewer than {samples}.")
    kept = random.multivariate_hypergeometric(counts, samples).tolist()
    texts = tuple((text, n, ended) for (text, _, ended), n in zip(row.texts, kept, strict=True) if n)
    return row.model_copy(update={"texts": texts})


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.evaluation.subsample", description="Choose a subsample.")
    parser.add_argument("texts", type=Path)
    parser.add_argument("--samples", type=int, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    random = np.random.default_rng(arguments.seed)
    try:
        lines = gzip.decompress(arguments.texts.read_bytes()).splitlines()
        rows = [subsample(Drawn.model_validate_json(line), arguments.samples, random) for line in lines]
        print(f"{write_drawn(arguments.out, iter(rows))} theorems in {arguments.out}")
    except (ValueError, OSError, EOFError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
