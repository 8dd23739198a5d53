"""Measures library theorems in the prompt: recall of the suggestions, and loss on held-out proofs with and without them.

    python -m benchmarks.training.premise_prompts INFORMED.jsonl MODEL [--steps 60] [--json premise-prompts.json]

INFORMED.jsonl is the output of `leansieve corpus premises` for theorems with proofs, MODEL the initial model, of the format `source`.
Both runs have the same theorems, steps and seed; only the prompt format differs. Conjectures from one theorem are all either in the
training data or held out.
"""

import argparse
import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from transformers import AutoTokenizer, PreTrainedTokenizerBase

from prover.sampling.prompt import PremisesFormat, SourceFormat
from prover.source.lexer import tokenize
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem, read_proofs
from training.model.examples import encode_example
from training.model.sft import fine_tune

_HELD_OUT = 0.25
_DEPTHS = (1, 4, 8)
_ROW = 512


def parted(theorems: Sequence[ProvedTheorem]) -> tuple[list[ProvedTheorem], list[ProvedTheorem]]:
    """Split into training and held-out theorems, by families."""
    parts: tuple[list[ProvedTheorem], list[ProvedTheorem]] = ([], [])
    for each in theorems:
        place = int(hashlib.sha256(each.theorem.family.encode()).hexdigest()[:8], 16) / 2**32
        parts[place < _HELD_OUT].append(each)
    return parts


def recall(theorems: Sequence[ProvedTheorem]) -> dict[str, float]:
    """Return, for theorems whose proofs name library theorems, the share with one of these among the first k suggestions."""
    naming = [(each.theorem, used) for each in theorems if (used := _used(each))]
    counts = {depth: sum(bool(used & set(record.suggested[:depth])) for record, used in naming) for depth in _DEPTHS}
    return {"theorems": len(naming)} | {f"among {depth}": round(counts[depth] / len(naming), 3) for depth in _DEPTHS}


def _used(proved: ProvedTheorem) -> set[str]:
    """Return the names such as `Nat.add_comm` in the proofs but not in the statement."""
    stated = {token.text for token in tokenize(proved.theorem.statement)}
    words = {token.text for proof in proved.proofs for token in tokenize(proof) if token.kind == "name"}
    return {word for word in words - stated if "." in word and word[0].isupper()}


def losses(theorems: Sequence[ProvedTheorem], model: Path, steps: int, scratch: Path) -> dict[str, object]:
    """Return the nats per response token on held-out theorems, before and after each run."""
    tokenizer = AutoTokenizer.from_pretrained(model, local_files_only=True)
    fitting = [each for each in theorems if all(_fits(tokenizer, each, proof) for proof in each.proofs)]
    train, dev = parted(fitting)
    write_jsonl(scratch / "train.jsonl", train)
    write_jsonl(scratch / "dev.jsonl", dev)
    figures: dict[str, object] = {
        "too_long": len(theorems) - len(fitting),
        "train": len(train),
        "held_out": len(dev),
        "steps": steps,
    }
    for form in (SourceFormat.name, PremisesFormat.name):
        config = TrainingConfig.model_validate(
            {
                "run": {"folder": str(scratch / form), "threads": 1, "log_every": 1, "device": "cpu"},
                "model": {"path": str(model), "prompt_format": form},
                "optimizer": {"learning_rate": 1e-3, "schedule": "cosine"},
                "sft": {
                    "proofs": [str(scratch / "train.jsonl")],
                    "dev_proofs": [str(scratch / "dev.jsonl")],
                    "steps": steps,
                    "row_length": _ROW,
                    "rows": 4,
                    "micro_rows": 4,
                    "dev_every": max(1, steps // 6),
                },
            }
        )
        fine_tune(config, lambda _line: None)
        lines = (scratch / form / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        figures[form] = [
            [row["step"], round(row["dev_loss"], 3)]
            for row in map(json.loads, lines)
            if row.get("dev_loss") is not None
        ]
    return figures


def _fits(tokenizer: PreTrainedTokenizerBase, proved: ProvedTheorem, proof: str) -> bool:
    """Return whether the theorem fits into a row with its suggestions, so that both runs have the same theorems."""
    form = PremisesFormat()
    return encode_example(tokenizer, form.render(proved.theorem.theorem), form.answer(proof)).length <= _ROW


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("informed", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    theorems = read_proofs(options.informed)
    with tempfile.TemporaryDirectory() as scratch:
        figures = {"recall": recall(theorems), **losses(theorems, options.model, options.steps, Path(scratch))}
    text = json.dumps(figures, indent=1) + "\n"
    Console().print(text, end="")
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
