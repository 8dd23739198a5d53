"""Counts proofs of a model that differ in their terms: the verified texts among stored samples are checked again for
their terms.

    python -m training.evaluation.terms SAMPLES.json.gz... --corpus CORPUS.jsonl --out TERMS.json [--theorems 60] [--cache VERDICTS.jsonl]

It uses `--theorems` theorems that any of the models solved, in an order independent of their content. It resumes from
the file of verdicts, and prints the table, too.
"""

import argparse
import hashlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prover.atomic import atomic_write_text
from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.search.diversity import distinct_key
from prover.verdict import Limits
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.samples import ModelSamples
from training.rollouts.verifier import Verifier

_LIMITS = Limits(seconds=20.0, heartbeats=100_000)


def measure(
    models: Sequence[ModelSamples], records: Sequence[TheoremRecord], verifier: Verifier
) -> list[dict[str, Any]]:
    """Return for each model the number of solved theorems, of distinct proof texts, and of distinct terms."""
    chosen = {record.name: record for record in records}
    rows = []
    for model in models:
        texts = {
            theorem.name: list(
                {distinct_key(proof.text): proof.text for proof in theorem.proofs if proof.verified}.values()
            )
            for theorem in model.theorems
            if theorem.name in chosen
        }
        checks = {name: [verifier.check(chosen[name], text) for text in each] for name, each in texts.items()}
        terms, without = 0, 0
        for each in checks.values():
            verdicts = [check.result() for check in each]
            found = {verdict.term for verdict in verdicts if verdict.verified and verdict.term}
            terms += len(found)
            without += sum(not (verdict.verified and verdict.term) for verdict in verdicts)
        rows.append(
            {
                "model": model.model,
                "theorems": len(records),
                "solved": sum(bool(each) for each in texts.values()),
                "texts": sum(map(len, texts.values())),
                "terms": terms,
                "without_term": without,
            }
        )
    return rows


def chosen_of(
    models: Sequence[ModelSamples], records: Sequence[TheoremRecord], most: int | None
) -> list[TheoremRecord]:
    """Return the first of the theorems that any model solved, by digest."""
    solved = {theorem.name for model in models for theorem in model.theorems if theorem.verified}
    ordered = sorted(records, key=lambda record: hashlib.sha256(record.theorem.digest.encode()).digest())
    return [record for record in ordered if record.name in solved][:most]


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the figures as Markdown."""
    lines = [
        "| model | theorems solved | proofs that differ as texts | as terms | texts a solved theorem | terms |",
        "| --- |" + " --- |" * 5,
    ]
    for row in rows:
        each = f"{row['texts'] / max(1, row['solved']):.1f} | {row['terms'] / max(1, row['solved']):.1f}"
        lines.append(
            f"| {row['model']} | {row['solved']} of {row['theorems']} | {row['texts']} | {row['terms']} | {each} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.terms", description="Proofs by text and by term."
    )
    parser.add_argument("samples", type=Path, nargs="+")
    parser.add_argument("--corpus", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, help="file of verdicts; by default next to --out")
    parser.add_argument("--theorems", type=int, help="only so many")
    parser.add_argument("--workers", type=int, default=1, help="of Lean")
    arguments = parser.parse_args()
    try:
        models = [ModelSamples.load(path) for path in arguments.samples]
        records = chosen_of(models, read_corpus(arguments.corpus), arguments.theorems)
        cache = arguments.cache or arguments.out.with_suffix(".verdicts.jsonl")
        pool = PoolConfig(workers=arguments.workers, spares=0)
        with Verifier(lambda: WorkerPool(EmbeddedLean(), pool), cache, _LIMITS) as verifier:
            rows = measure(models, records, verifier)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    atomic_write_text(arguments.out, json.dumps(rows, indent=1) + "\n")
    print(table(rows))


if __name__ == "__main__":
    main()
