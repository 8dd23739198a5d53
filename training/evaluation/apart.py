"""Evaluation in two parts: sampling on a machine with a GPU and without Lean, checking on one with Lean.

    python -m training.evaluation.apart MODEL CORPUS... --out TEXTS.jsonl.gz [--samples 256]
    leansieve evaluate check TEXTS.jsonl.gz CORPUS... --model MODEL --out SAMPLES.json.gz

The first part needs torch, transformers and pydantic, but not vLLM. The second has the same result as `leansieve
evaluate run`, and resumes from the file of verdicts.
"""

import argparse
import gzip
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from transformers import AutoModelForCausalLM, PreTrainedModel, PreTrainedTokenizerBase

from prover.atomic import atomic_write
from prover.sampling.prompt import SourceFormat
from prover.sampling.tokenizers import load_tokenizer
from prover.verdict import Verdict
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.samples import TheoremSamples, judged
from training.evaluation.tree import sample_tree
from training.model.load import located
from training.progress import ProgressReporter

_TOGETHER = 4


class Checks(Protocol):
    """Starts checks; `training.rollouts.verifier.Verifier` implements it."""

    def check(self, record: TheoremRecord, proof: str) -> "Future[Verdict]":
        """Return a future of the verdict on a proof."""
        ...


class Drawn(BaseModel):
    """A model's answers for one theorem; one JSON object per line."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    name: str
    """Name of the theorem in the corpus."""
    digest: str
    """Digest of the theorem."""
    texts: tuple[tuple[str, int, bool], ...] = Field(min_length=1)
    """Each text, with the number of times it was sampled and whether it is complete."""


def draw(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    records: Sequence[TheoremRecord],
    samples: int,
    max_tokens: int,
    top_p: float = 0.99,
    batch: int = 4096,
    seed: int = 0,
    report: Callable[[str], None] = print,
) -> Iterator[Drawn]:
    """Sample answers at temperature 1, for many theorems of similar length at once; `batch` is the largest number of
    answers at once.
    """
    form = SourceFormat()
    prompts = {record.name: tokenizer.encode(form.render(record.theorem)) for record in records}
    room = int(model.config.max_position_embeddings) - max_tokens
    order = sorted(
        (record for record in records if len(prompts[record.name]) <= room), key=lambda each: len(prompts[each.name])
    )
    together = max(1, batch // samples)
    random = np.random.default_rng(seed)
    began, done = time.monotonic(), 0
    for start in range(0, len(order), together):
        chunk = order[start : start + together]
        asked = [prompts[record.name] for record in chunk]
        answers = sample_tree(model, asked, samples, max_tokens, int(tokenizer.eos_token_id), top_p, random)
        for record, found in zip(chunk, answers, strict=True):
            texts: Counter[tuple[str, bool]] = Counter()
            for (tokens, ended), count in found.items():
                text = str(tokenizer.decode(list(tokens), skip_special_tokens=False))
                stops = [at for stop in form.stop if (at := text.find(stop)) >= 0]
                texts[form.extract(text[: min(stops)] if stops else text), ended or bool(stops)] += count
            counted = tuple((text, count, ended) for (text, ended), count in texts.most_common())
            yield Drawn(name=record.name, digest=record.theorem.digest, texts=counted)
        done += len(chunk)
        report(f"{done}/{len(order)} theorems, {time.monotonic() - began:.0f} s")
    for record in records:
        if len(prompts[record.name]) > room:
            yield Drawn(name=record.name, digest=record.theorem.digest, texts=(("", samples, False),))


def check(
    drawn: Mapping[str, Drawn],
    records: Sequence[TheoremRecord],
    verifier: Checks,
    report: Callable[[str], None] = print,
) -> list[TheoremSamples]:
    """Check every text: the most frequent of each theorem first, and those of unsolved theorems before others."""
    texts = {record.name: texts_of(drawn[record.name]) for record in records}
    checks: dict[tuple[str, str], Future[Verdict]] = {}
    solved: set[str] = set()
    total = sum(finished and bool(text) for each in texts.values() for text, _, finished in each)
    progress = ProgressReporter(total, "texts", report)

    def begin(chosen: Sequence[TheoremRecord], place: int) -> list[tuple[str, str]]:
        begun = []
        for record in chosen:
            text, _, finished = texts[record.name][place] if place < len(texts[record.name]) else ("", 0, False)
            if finished and text and (record.name, text) not in checks:  # truncated answers are wrong, as in training
                checks[record.name, text] = verifier.check(record, text)
                begun.append((record.name, text))
        return begun

    def wait(begun: Sequence[tuple[str, str]]) -> None:
        for name, text in begun:
            if checks[name, text].result().verified:
                solved.add(name)
            progress.advance(lambda: f"{len(solved)} theorems solved")

    places = range(max(len(each) for each in texts.values()))
    # Theorems without a proof come first, a few texts of each at a time, so that no worker waits; then all other texts.
    for start in range(0, len(places), _TOGETHER):
        unsolved = [record for record in records if record.name not in solved]
        wait([each for place in places[start : start + _TOGETHER] for each in begin(unsolved, place)])
    wait([each for place in places for each in begin(records, place)])
    verdicts = {key: check.result() for key, check in checks.items()}
    return [
        TheoremSamples(
            name=record.name,
            proofs=tuple(
                judged(text, count, verdicts.get((record.name, text))) for text, count, _ in texts[record.name]
            ),
        )
        for record in records
    ]


def texts_of(drawn: Drawn) -> list[tuple[str, int, bool]]:
    """Return each text once, the most frequent first; a text that was sampled both complete and truncated counts as
    complete, as in `sampling`.
    """
    counts: Counter[str] = Counter()
    finished: set[str] = set()
    for text, count, ended in drawn.texts:
        counts[text] += count
        if ended:
            finished.add(text)
    return [(text, count, text in finished) for text, count in counts.most_common()]


def write_drawn(path: Path, rows: Iterator[Drawn]) -> int:
    """Write gzipped lines atomically; returns their number."""
    lines = [row.model_dump_json() for row in rows]
    with atomic_write(path) as stream:
        stream.write(gzip.compress("".join(line + "\n" for line in lines).encode(), mtime=0))
    return len(lines)


def read_drawn(path: Path, records: Sequence[TheoremRecord]) -> Mapping[str, Drawn]:
    """Read the samples for each of the theorems, by name.

    Raises:
        ValueError: the file has other content, or lacks one of the theorems.
    """
    try:
        rows = [Drawn.model_validate_json(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    except (ValueError, OSError, EOFError) as error:
        raise ValueError(f"{path} holds no drawn texts ({str(error).splitlines()[0]}).") from None
    found = {row.name: row for row in rows}
    for record in records:
        if record.name not in found or found[record.name].digest != record.theorem.digest:
            raise ValueError(f"{path} has nothing for {record.name}: it was drawn for other theorems.")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.apart", description="Sample a model, without Lean."
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("corpora", type=Path, nargs="+", metavar="corpus")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--samples", type=int, default=256)
    parser.add_argument("--max-tokens", type=int, default=160)
    parser.add_argument("--batch", type=int, default=4096, help="concurrent answers")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    try:
        records = [record for corpus in arguments.corpora for record in read_corpus(corpus)]
        device = "cuda" if torch.cuda.is_available() else "cpu"
        dtype = torch.bfloat16 if device == "cuda" else torch.float32
        folder = located(arguments.model)
        tokenizer = load_tokenizer(folder)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, local_files_only=True)
        model.to(device).eval()  # type: ignore[arg-type]
        rows = draw(
            model,
            tokenizer,
            records,
            arguments.samples,
            arguments.max_tokens,
            batch=arguments.batch,
            seed=arguments.seed,
        )
        print(f"{write_drawn(arguments.out, rows)} theorems in {arguments.out}")
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
