import numpy as np
import pytest
import torch
from transformers import LlamaForCausalLM

from tests.training.model.alone import alone
from training.config import LlamaShape
from training.evaluation.tree import sample_tree
from training.model.llama import build_llama
from training.model.tokenizer import train_tokenizer

PROMPTS = ([5, 6, 7, 8, 9], [5, 6])
END = 0


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    tokenizer = train_tokenizer(["theorem t : 1 = 1"], 260)
    model = build_llama(LlamaShape(layers=2, width=32, heads=1, key_value_heads=1, hidden=32), tokenizer, 0).eval()
    with torch.no_grad():
        model.lm_head.weight *= 40  # far from uniform
    return model


def test_counts_are_those_of_independent_draws(model: LlamaForCausalLM) -> None:
    samples = 20_000
    found = sample_tree(model, PROMPTS, samples, 2, END, 1.0, np.random.default_rng(0))
    for prompt, answers in zip(PROMPTS, found, strict=True):
        assert answers.total() == samples
        for (tokens, ended), count in answers.items():
            assert len(tokens) == 2 or ended
            with torch.no_grad():
                chance = float(alone(model, prompt, (*tokens, END) if ended else tokens)[0].sum().exp())
            assert abs(count - samples * chance) < 5 * (samples * chance * (1 - chance)) ** 0.5 + 1e-3 * samples


def test_the_same_seed_draws_the_same(model: LlamaForCausalLM) -> None:
    def drawn(seed: int) -> object:
        return sample_tree(model, PROMPTS, 50, 6, END, 0.9, np.random.default_rng(seed))

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_small_nucleus_leaves_the_likeliest_token(model: LlamaForCausalLM) -> None:
    (answers,) = sample_tree(model, [PROMPTS[0]], 30, 3, END, 1e-6, np.random.default_rng(0))
    assert len(answers) == 1
    assert answers.total() == 30
