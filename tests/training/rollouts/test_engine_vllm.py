"""vLLM inside the trainer's process, with weights that change under it. One engine serves all tests."""

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from prover.sampling.sampler import SamplerUnavailableError
from tests.training.model.lean_texts import tiny_model, tiny_tokenizer
from training.algorithms.algorithm import Rollouts
from training.model.examples import TokenGroup
from training.model.llama import save_for_serving
from training.rollouts.agreement import StaleWeightsError, check_agreement
from training.rollouts.engine import RolloutEngine
from training.rollouts.requests import Response, RolloutRequest
from training.trainer.updates import score

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(900),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

PROMPTS = [tuple(range(5 + index, 60 + index)) for index in range(90)]


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_tokenizer()


@pytest.fixture(scope="module")
def first(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    return sharpened(tokenizer, 0)


@pytest.fixture(scope="module")
def engine(
    first: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RolloutEngine]:
    folder = tmp_path_factory.mktemp("engine")
    save_for_serving(first, tokenizer, folder / "start")
    engine = RolloutEngine(folder / "start", folder / "pushed", sequences=64)
    yield engine
    engine.close()
    assert not (folder / "pushed").exists()


def sharpened(tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    """Random weights far from uniform, so that other weights show in the log-probabilities."""
    model = tiny_model(tokenizer, seed).eval()
    with torch.no_grad():
        model.lm_head.weight.mul_(20)
    return model


def sampled(engine: RolloutEngine, requests: list[RolloutRequest]) -> list[Response]:
    found: dict[int, Response] = {}
    engine.sample(requests, found.__setitem__)
    return [found[number] for number in range(len(requests))]


def rollouts(model: LlamaForCausalLM, prompt: tuple[int, ...], responses: list[Response]) -> Rollouts:
    """As the trainer sees them."""
    old = score(model, [TokenGroup(prompt, tuple(response.tokens for response in responses))], 1000).log_probs
    mask = torch.arange(old.shape[-1]) < torch.tensor([[len(response.tokens) for response in responses]])[..., None]
    sampler = torch.zeros(mask.shape)
    sampler[mask] = torch.tensor([value for response in responses for value in response.log_probs])
    rewards = torch.zeros(mask.shape[:2])
    return Rollouts(("p",), old, old, mask, rewards, sampler_log_probs=sampler)


def test_after_a_push_the_engine_answers_with_the_new_weights(
    engine: RolloutEngine, first: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> None:
    requests = [RolloutRequest(PROMPTS[0], seed, 12) for seed in range(8)]
    second = sharpened(tokenizer, 1)
    for model, other in ((first, second), (second, first), (first, second)):
        engine.push(model, tokenizer)
        responses = sampled(engine, requests)
        check_agreement(rollouts(model, PROMPTS[0], responses), None, "float32")
        with pytest.raises(StaleWeightsError, match="does not have the trainer's weights"):
            check_agreement(rollouts(other, PROMPTS[0], responses), None, "float32")


def test_a_seed_repeats_an_answer_alone_and_among_others(engine: RolloutEngine) -> None:
    requests = [RolloutRequest(prompt, seed, 10) for prompt in PROMPTS[:4] for seed in range(8)]
    together = sampled(engine, requests)
    assert sampled(engine, [requests[13]])[0].tokens == together[13].tokens
    assert len({response.tokens for response in together[:8]}) > 1


def test_greedy_answers_and_lengths(engine: RolloutEngine) -> None:
    greedy = sampled(engine, [RolloutRequest(PROMPTS[1], seed, 6, temperature=0.0) for seed in range(3)])
    assert len({response.tokens for response in greedy}) == 1
    assert all(len(response.tokens) <= 6 for response in greedy)
    assert all(response.finished or len(response.tokens) == 6 for response in greedy)
    assert all(len(response.log_probs) == len(response.tokens) for response in greedy)


def test_more_seeded_prompt_tokens_than_one_step_takes_do_not_end_the_engine(engine: RolloutEngine) -> None:
    """On CPUs, vLLM 0.32 fails on a seeded request whose prompt is read in two parts."""
    long = [tuple((7 * index + 3 * place) % 250 + 5 for place in range(240)) for index in range(128)]
    responses = sampled(engine, [RolloutRequest(prompt, index, 2) for index, prompt in enumerate(long)])
    assert len(responses) == 128


@pytest.mark.slow
def test_an_engine_in_a_process_of_its_own_has_no_second_one_that_polls(
    first: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, engine: RolloutEngine, tmp_path: Path
) -> None:
    requests = [RolloutRequest(prompt, seed=1, max_tokens=8, temperature=0) for prompt in PROMPTS[:3]]
    engine.push(first, tokenizer)
    here = sampled(engine, requests)
    save_for_serving(first, tokenizer, tmp_path / "start")
    before = set(psutil.Process().children(recursive=True))
    apart = RolloutEngine(tmp_path / "start", tmp_path / "pushed", own_process=True)
    try:
        started = set(psutil.Process().children(recursive=True)) - before
        assert sum("VLLM" in process.name() for process in started) == 1
        assert [response.tokens for response in sampled(apart, requests)] == [response.tokens for response in here]
    finally:
        apart.close()


def test_an_interrupt_leaves_no_request_behind(engine: RolloutEngine) -> None:
    def interrupt(_number: int, _response: Response) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        engine.sample([RolloutRequest(prompt, 1, 5) for prompt in PROMPTS], interrupt)
    assert len(sampled(engine, [RolloutRequest(PROMPTS[2], 1, 5)])) == 1


def test_a_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(SamplerUnavailableError, match=r"is not a Hugging Face checkpoint: it has no config\.json"):
        RolloutEngine(tmp_path, tmp_path / "pushed")
