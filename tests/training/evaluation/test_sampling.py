"""Evaluation of existing samples, without sampling."""

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from prover.verdict import Limits
from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from training.config import EvaluationConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.record import read_corpus
from training.corpus.synthetic.generator import generate
from training.evaluation.samples import ModelSamples, SampledProof, TheoremSamples
from training.evaluation.sampling import Evaluated, _identity, evaluate, label_of
from training.model.llama import save_for_serving


@pytest.fixture
def what(tmp_path: Path) -> Evaluated:
    tokenizer = tiny_tokenizer()
    save_for_serving(tiny_model(tokenizer), tokenizer, tmp_path / "base" / "model")
    write_jsonl(tmp_path / "dev.jsonl", generate(3))
    drawn = EvaluationConfig(corpora=(tmp_path / "dev.jsonl",), samples=4)
    return Evaluated(tmp_path / "base" / "model", "base", drawn, Limits())


@pytest.fixture
def out(tmp_path: Path, what: Evaluated) -> Path:
    """Samples as a finished evaluation leaves them."""
    records = read_corpus(tmp_path / "dev.jsonl")
    theorems = tuple(
        TheoremSamples(name=record.name, proofs=(SampledProof(text="rfl", count=4, verified=False),))
        for record in records
    )
    identity = hashlib.sha256(_identity(what, records).encode()).hexdigest()
    ModelSamples(model="base", corpus="dev", theorems=theorems, identity=identity).save(tmp_path / "out.json.gz")
    return tmp_path / "out.json.gz"


def again(what: Evaluated, out: Path) -> list[str]:
    said: list[str] = []
    evaluate(what, out, out.with_name("verdicts"), lambda: pytest.fail("Lean was started"), said.append)
    return said


def test_another_label_samples_nothing_anew(what: Evaluated, out: Path) -> None:
    before = ModelSamples.load(out)
    assert again(replace(what, label="first"), out) == ["all 3 theorems are done already"]
    assert ModelSamples.load(out) == before.model_copy(update={"model": "first"})


def test_samples_of_something_else_are_not_overwritten(what: Evaluated, out: Path) -> None:
    before = out.read_bytes()
    for other in (replace(what, seed=1), replace(what, settings=what.settings.model_copy(update={"samples": 8}))):
        with pytest.raises(ValueError, match=r"out\.json\.gz holds samples of another model, or of other settings"):
            again(other, out)
    assert out.read_bytes() == before


def test_a_model_is_called_after_its_run(tmp_path: Path) -> None:
    assert label_of(tmp_path / "alpha-0.5" / "model") == "alpha-0.5"
    assert label_of(tmp_path / "alpha-0.5") == "alpha-0.5"


def test_a_model_that_is_not_there_is_one_sentence(what: Evaluated, tmp_path: Path) -> None:
    with pytest.raises(OSError, match=r"there is no model at .*nowhere: name a folder"):
        again(replace(what, model=tmp_path / "nowhere"), tmp_path / "new.json")
