from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from prover.sampling.prompt import SourceFormat
from tests.training.model.lean_texts import tiny_tokenizer
from training.corpus.jsonl import write_jsonl
from training.corpus.record import TheoremRecord
from training.corpus.synthetic.generator import generate
from training.rollouts.prompts import PromptStream, read_prompts, seed_of


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer()


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "c.jsonl", generate(20, seed=1))
    return tmp_path / "c.jsonl"


def test_every_epoch_asks_every_theorem_once_in_another_order(corpus: Path, tokenizer: PreTrainedTokenizerFast) -> None:
    prompts, left_out = read_prompts([corpus], SourceFormat(), tokenizer, 10_000)
    assert (len(prompts), left_out) == (20, 0)
    stream = PromptStream(prompts, seed=3)
    epochs = [[stream[draw].record.name for draw in range(20 * epoch, 20 * (epoch + 1))] for epoch in range(3)]
    assert all(sorted(epoch) == sorted(prompt.record.name for prompt in prompts) for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    # A draw depends on its number alone, so that a run can go on anywhere.
    assert PromptStream(prompts, seed=3)[47].record.name == epochs[2][7]
    assert [PromptStream(prompts, seed=4)[draw].record.name for draw in range(20)] != epochs[0]


def test_theorems_without_room_for_an_answer_are_left_out_and_counted(
    corpus: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    lengths = sorted(len(prompt.tokens) for prompt in read_prompts([corpus], SourceFormat(), tokenizer, 10_000)[0])
    kept, left_out = read_prompts([corpus], SourceFormat(), tokenizer, lengths[9])
    assert len(kept) + left_out == 20
    assert max(len(prompt.tokens) for prompt in kept) == lengths[9]
    with pytest.raises(ValueError, match=r"c\.jsonl: no theorem to ask for: of 20, all have more than 1 tokens"):
        read_prompts([corpus], SourceFormat(), tokenizer, 1)


def test_an_empty_corpus_and_two_theorems_of_one_name_are_refused(
    tmp_path: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(ValueError, match=r"empty\.jsonl: there is no theorem\."):
        read_prompts([tmp_path / "empty.jsonl"], SourceFormat(), tokenizer, 100)
    record = TheoremRecord(name="t", statement="theorem t : 1 = 1")
    for name in ("a", "b"):
        write_jsonl(tmp_path / f"{name}.jsonl", [record])
    with pytest.raises(ValueError, match="two theorems are called t"):
        read_prompts([tmp_path / "a.jsonl", tmp_path / "b.jsonl"], SourceFormat(), tokenizer, 100)


def test_seeds_differ_and_are_what_torch_takes() -> None:
    seeds = {seed_of(run, draw, index) for run in range(3) for draw in range(20) for index in range(8)}
    assert len(seeds) == 480
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert seed_of(1, 23) != seed_of(12, 3)
