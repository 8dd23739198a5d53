"""Scoring whole groups in one row says what scoring each response alone says."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaForCausalLM

from tests.training.model.alone import alone
from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from training.model.examples import TokenGroup
from training.model.shared_prompts import micro_batches, score_groups

A, B, C = (5, 6, 7), (8,), (9, 10, 11, 12, 13)
GROUPS = [TokenGroup((20, 21, 22, 23), (A, B, A)), TokenGroup((30,), (C, C, B)), TokenGroup((20, 21), (A, C, B))]

tokens = st.lists(st.integers(2, 200), min_size=1, max_size=6).map(tuple)
groups_of_two = st.lists(st.builds(TokenGroup, tokens, st.tuples(tokens, tokens)), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def model() -> LlamaForCausalLM:
    return tiny_model(tiny_tokenizer()).eval()


def each_alone(model: LlamaForCausalLM, groups: list[TokenGroup], length: int) -> tuple[torch.Tensor, torch.Tensor]:
    scores = [alone(model, group.prompt, response) for group in groups for response in group.responses]
    log_probs, entropies = (
        torch.stack([torch.nn.functional.pad(score, (0, length - len(score))) for score in column])
        for column in zip(*scores, strict=True)
    )
    shape = (len(groups), -1, length)
    return log_probs.view(shape), entropies.view(shape)


@settings(max_examples=25)
@given(groups=groups_of_two)
def test_a_response_scores_in_a_row_as_it_does_alone(model: LlamaForCausalLM, groups: list[TokenGroup]) -> None:
    with torch.no_grad():
        together = score_groups(model, groups, 7)
        log_probs, entropies = each_alone(model, groups, 7)
    assert torch.allclose(together.log_probs, log_probs, atol=2e-5)
    assert torch.allclose(together.entropies, entropies, atol=2e-5)


def test_the_gradient_is_that_of_all_responses_repeated_ones_counted_each_time(model: LlamaForCausalLM) -> None:
    weights = torch.rand(3, 3, 5, generator=torch.Generator().manual_seed(0))

    def gradient(log_probs: torch.Tensor) -> torch.Tensor:
        parameters = list(model.parameters())
        return torch.cat([part.flatten() for part in torch.autograd.grad((weights * log_probs).sum(), parameters)])

    together = gradient(score_groups(model, GROUPS, 5).log_probs)
    separate = gradient(each_alone(model, GROUPS, 5)[0])
    assert torch.allclose(together, separate, atol=1e-4 * float(separate.abs().max()))


def test_entropies_have_no_gradient(model: LlamaForCausalLM) -> None:
    assert not score_groups(model, GROUPS, 5).entropies.requires_grad


@given(groups=st.lists(st.builds(TokenGroup, tokens, st.tuples(tokens, tokens)), max_size=12), most=st.integers(1, 60))
def test_micro_batches_hold_every_group_once_and_are_as_large_as_allowed(groups: list[TokenGroup], most: int) -> None:
    cuts = list(micro_batches(groups, most))
    assert [index for cut in cuts for index in range(cut.start, cut.stop)] == list(range(len(groups)))
    sizes = [sum(group.tokens for group in groups[cut]) for cut in cuts]
    assert all(size <= most or cut.stop - cut.start == 1 for size, cut in zip(sizes, cuts, strict=True))
    for size, cut in zip(sizes[:-1], cuts[1:], strict=False):
        assert size + groups[cut.start].tokens > most
