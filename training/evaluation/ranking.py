"""Ranking of proofs by the model that wrote them: compares the self-reward of Dynamic Alignment with verdicts.

    python -m training.evaluation.ranking SAMPLES.json.gz MODEL CORPUS... [--out ranking.json]

Stored samples are scored by the model that drew them; nothing is sampled or checked. Scores are the sum of the
log-probabilities of a text's tokens, its mean over the tokens, and a logistic regression on both, the least likely
token and the length, fitted by five-fold cross-validation over theorems. The texts are tokenised again, with an end
token.
"""

import argparse
import json
import random
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.stats import rankdata
from transformers import AutoModelForCausalLM

from prover.atomic import atomic_write
from prover.sampling.prompt import SourceFormat
from prover.sampling.tokenizers import load_tokenizer
from training.corpus.record import TheoremRecord, read_corpus
from training.evaluation.samples import ModelSamples
from training.model.examples import TokenGroup, encode_example
from training.model.load import located
from training.model.shared_prompts import score_groups

_ROW_TOKENS = 2048  # attention makes longer rows cost more than they save
_ORDERS = 50  # random orders of the samples of each theorem
_FOLDS = 5
_BINS = 10

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Scored:
    """A distinct sample: number of times it was drawn, whether Lean verified it, and its tokens' log-probabilities."""

    theorem: str
    count: int
    verified: bool
    log_probs: Floats


def score(samples: ModelSamples, records: Mapping[str, TheoremRecord], model: Path) -> list[Scored]:
    """Score each text with the model that drew it.

    Raises:
        ValueError: a theorem of the samples is not in the corpus.
    """
    folder = located(model)
    tokenizer = load_tokenizer(folder)
    network = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    network.eval()  # type: ignore[no-untyped-call]
    room = int(network.config.max_position_embeddings)
    form, found = SourceFormat(), []
    for theorem in samples.theorems:
        if theorem.name not in records:
            raise ValueError(f"The corpus has no theorem {theorem.name}, of which there are samples.")
        asked = form.render(records[theorem.name].theorem)
        examples = [(proof, encode_example(tokenizer, asked, form.answer(proof.text))) for proof in theorem.proofs]
        texts = [(proof, each) for proof, each in examples if len(each.prompt) + len(each.response) <= room]
        for chunk in _rows([each.response for _, each in texts], _ROW_TOKENS):
            group = TokenGroup(texts[chunk][0][1].prompt, tuple(each.response for _, each in texts[chunk]))
            with torch.no_grad():
                scores = score_groups(network, [group], max(map(len, group.responses))).log_probs[0].double().numpy()
            found += [
                Scored(theorem.name, proof.count, proof.verified, row[: len(each.response)])
                for (proof, each), row in zip(texts[chunk], scores, strict=True)
            ]
    return found


def _rows(texts: Sequence[Sequence[int]], most: int) -> Iterator[slice]:
    start = tokens = 0
    for end, text in enumerate(texts):
        if end > start and tokens + len(text) > most:
            yield slice(start, end)
            start, tokens = end, 0
        tokens += len(text)
    if start < len(texts):
        yield slice(start, len(texts))


def scores_of(texts: Sequence[Scored]) -> dict[str, Floats]:
    """Return all scores of each text; higher is better."""
    total = np.array([text.log_probs.sum() for text in texts])
    mean = np.array([text.log_probs.mean() for text in texts])
    least = np.array([text.log_probs.min() for text in texts])
    length = np.log([len(text.log_probs) for text in texts])
    features = np.stack([total, mean, least, length, np.ones(len(texts))], axis=1)
    return {
        "sum of log-probabilities": total,
        "mean log-probability": mean,
        "logistic, other theorems": _cross_fitted(texts, features),
    }


def _cross_fitted(texts: Sequence[Scored], features: Floats) -> Floats:
    """Return the probability of VERIFIED by a logistic regression fitted on the theorems of the other folds."""
    features = features.copy()
    features[:, :-1] = (features[:, :-1] - features[:, :-1].mean(0)) / (features[:, :-1].std(0) + 1e-9)
    names = sorted({text.theorem for text in texts})
    random.Random(0).shuffle(names)
    fold_of = {name: place % _FOLDS for place, name in enumerate(names)}
    folds = np.array([fold_of[text.theorem] for text in texts])
    right = np.array([text.verified for text in texts], dtype=float)
    weights = np.array([text.count for text in texts], dtype=float)
    chances = np.zeros(len(texts))
    for fold in range(_FOLDS):
        x, y, w = features[folds != fold], right[folds != fold], weights[folds != fold]

        def loss(b: Floats, x: Floats = x, y: Floats = y, w: Floats = w) -> tuple[float, Floats]:
            z = x @ b
            errors = w * (1 / (1 + np.exp(-z)) - y) / w.sum()
            return float((w * (np.logaddexp(0, z) - y * z)).sum() / w.sum() + 1e-4 * b @ b), x.T @ errors + 2e-4 * b

        fitted = minimize(loss, np.zeros(features.shape[1]), jac=True, method="L-BFGS-B").x
        chances[folds == fold] = 1 / (1 + np.exp(-features[folds == fold] @ fitted))
    return chances


def auc(score: Floats, right: NDArray[np.bool_]) -> float:
    """Return the probability that a correct text has a higher score than a wrong one; ties count half.

    NaN if there is only one kind.
    """
    good, bad = int(right.sum()), int((~right).sum())
    if not good or not bad:
        return float("nan")
    return float((rankdata(score)[right].sum() - good * (good + 1) / 2) / (good * bad))


def checks_to_first(orders: Sequence[Sequence[int]], score: Floats, right: NDArray[np.bool_], waiting: int) -> float:
    """Return the mean number of checks up to the first verified proof of a solvable theorem, over random orders of
    arrival.

    Of the texts that have arrived, at most `waiting` at once, the best is checked next. With `waiting` 1 this is the
    order of arrival.
    """
    spent = []
    for order in orders:
        arrived = iter(order)
        pending: list[int] = []
        checks, found = 0, False
        while not found:
            while len(pending) < waiting and (new := next(arrived, None)) is not None:
                pending.append(new)
            best = max(pending, key=score.__getitem__)
            pending.remove(best)
            checks, found = checks + 1, bool(right[best])
        spent.append(checks)
        if waiting >= len(order):
            break  # the remaining order does not matter
    return fmean(spent)


def arrivals(counts: Sequence[int], rng: np.random.Generator) -> list[list[int]]:
    """Return random orders of first arrival of texts that were drawn so often: each waits an exponential time of that
    rate.
    """
    rates = np.array(counts, dtype=float)
    return [np.argsort(rng.exponential(1 / rates)).tolist() for _ in range(_ORDERS)]


def measured(texts: Sequence[Scored], waiting: Sequence[int]) -> dict[str, Any]:
    """Return AUC, calibration and checks to the first proof for each score."""
    theorems: dict[str, list[int]] = {}
    for place, text in enumerate(texts):
        theorems.setdefault(text.theorem, []).append(place)
    right = np.array([text.verified for text in texts])
    solved = [places for places in theorems.values() if right[places].any()]
    rng = np.random.default_rng(0)
    orders = [arrivals([texts[place].count for place in places], rng) for places in solved]
    result: dict[str, Any] = {"texts": len(texts), "theorems": len(theorems), "solved": len(solved), "scores": {}}
    for name, score in scores_of(texts).items():
        within = [auc(score[places], right[places]) for places in theorems.values()]
        checks = {
            str(k): fmean(
                checks_to_first(order, score[places], right[places], k)
                for order, places in zip(orders, solved, strict=True)
            )
            for k in waiting
        }
        result["scores"][name] = {
            "auc": auc(score, right),
            "auc_within_theorems": float(np.nanmean(within)),
            "calibration": calibration(score, texts),
            "checks_to_first_proof": checks,
        }
    return result


def calibration(score: Floats, texts: Sequence[Scored]) -> list[dict[str, float]]:
    """Return the share of verified samples in each decile of samples by score, lowest first."""
    order = np.argsort(score, kind="stable")
    counts = np.array([text.count for text in texts], dtype=float)[order]
    right = counts * np.array([text.verified for text in texts], dtype=float)[order]
    tenth = np.minimum((np.cumsum(counts) - counts / 2) * _BINS / counts.sum(), _BINS - 1e-9).astype(int)
    return [
        {
            "score": float(np.average(score[order][tenth == i], weights=counts[tenth == i])),
            "verified": float(right[tenth == i].sum() / counts[tenth == i].sum()),
        }
        for i in range(_BINS)
        if (tenth == i).any()
    ]


def table(result: Mapping[str, Any]) -> str:
    """Return the checks to the first proof as a Markdown table."""
    waiting = list(next(iter(result["scores"].values()))["checks_to_first_proof"])
    lines = [
        f"{result['texts']} texts of {result['theorems']} theorems, {result['solved']} of them solved.",
        "",
        "| checked first: the highest | AUC | AUC within a theorem | "
        + " | ".join(f"{k} waiting" for k in waiting)
        + " |",
        "| --- " * (3 + len(waiting)) + "|",
    ]
    for name, of in result["scores"].items():
        cells = [
            f"{of['auc']:.2f}",
            f"{of['auc_within_theorems']:.2f}",
            *(f"{checks:.2f}" for checks in of["checks_to_first_proof"].values()),
        ]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m training.evaluation.ranking", description="How well a model ranks its own proofs."
    )
    parser.add_argument("samples", type=Path)
    parser.add_argument("model", type=Path, help="the model that drew them")
    parser.add_argument("corpora", type=Path, nargs="+", metavar="corpus")
    parser.add_argument("--out", type=Path, help="JSON to write, with the calibration")
    parser.add_argument(
        "--waiting", type=int, nargs="+", default=[1, 4, 16, 64, 256], help="how many candidates wait at most"
    )
    arguments = parser.parse_args()
    try:
        if min(arguments.waiting) < 1:
            raise ValueError("--waiting needs positive numbers.")
        records = {record.name: record for corpus in arguments.corpora for record in read_corpus(corpus)}
        result = measured(score(ModelSamples.load(arguments.samples), records, arguments.model), arguments.waiting)
        print(table(result))
        if arguments.out:
            with atomic_write(arguments.out) as stream:
                stream.write((json.dumps(result, indent=1) + "\n").encode())
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
