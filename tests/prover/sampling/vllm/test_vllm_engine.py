"""The real vLLM engine on tiny models with random weights."""

import asyncio
import importlib.metadata
import importlib.util
import time
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from prover.candidate import Candidate
from prover.sampling.prompt import SourceFormat
from prover.sampling.sampler import SamplingParams
from prover.sampling.serving import ModelRequest
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.theorem import Theorem
from prover.verdict import Message
from tests.support.models.tiny_llama import PROMPT
from tests.support.waiting import becomes

# Not importorskip: importing vLLM takes seconds and must come after the sampler has set vLLM's environment.
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

THEOREM = Theorem("theorem u (n : Nat) : n = n")
SHORT = SamplingParams(samples=8, max_tokens=24, seed=7)
LONG = SamplingParams(samples=64, max_tokens=200, seed=7)


async def collect(sampler: VllmEngineSampler, params: SamplingParams) -> list[Candidate]:
    return sorted([c async for c in sampler.sample(THEOREM, params)], key=lambda c: c.seed or 0)


async def idle(sampler: VllmEngineSampler) -> bool:
    """Whether neither side of the engine has work."""
    stats, engine = sampler.stats(), sampler._fleet.served["base"].engine
    return stats.running == stats.waiting == 0 and await engine.forget_prefixes()


async def becomes_idle(sampler: VllmEngineSampler, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if await idle(sampler):
            return True
        await asyncio.sleep(0.02)
    return False


async def test_every_candidate_comes_with_its_own_seed_source_and_length(sampler: VllmEngineSampler) -> None:
    candidates = await collect(sampler, SHORT)
    assert [c.seed for c in candidates] == list(range(7, 15))
    assert {c.source for c in candidates} == {"model:base"}
    assert all(1 <= c.tokens <= 24 for c in candidates)
    assert len({c.text for c in candidates}) > 1


@pytest.mark.parametrize("name", ["base", "alpha-0.25", "alpha-0.5"])
async def test_log_probabilities_agree_with_transformers(
    sampler: VllmEngineSampler, weights_folder: Path, name: str
) -> None:
    import peft
    import torch
    import transformers

    home = weights_folder / ("base" if name == "alpha-0.5" else name)
    model = transformers.AutoModelForCausalLM.from_pretrained(home, dtype=torch.float32)
    if name == "alpha-0.5":
        model = peft.PeftModel.from_pretrained(model, str(weights_folder / name))
    drawn = replace(SHORT, samples=3, model=name)
    prompt = sampler._fleet.served["base"].engine.tokenizer.encode(PROMPT)
    # At another temperature than 1 too, the log-probability is the model's own.
    for params in (drawn, replace(drawn, temperature=0.7, top_p=0.9)):
        for candidate, answer in await tokens_of(sampler, params):
            with torch.no_grad():
                logits = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1]
            log_probs = logits.log_softmax(-1)[torch.arange(len(answer)), answer]
            assert candidate.log_prob == pytest.approx(float(log_probs.sum()), abs=1e-3)


async def tokens_of(sampler: VllmEngineSampler, params: SamplingParams) -> list[tuple[Candidate, list[int]]]:
    """The candidates with the tokens behind them, which the sampler itself does not keep."""
    seen: dict[int, list[int]] = {}
    engine = sampler._fleet.served[params.model].engine
    answer = engine.answer

    async def listen(request, adapter):
        found = await answer(request, adapter)
        seen[request.seed] = list(found.tokens)
        return found

    engine.answer = listen
    try:
        candidates = await collect(sampler, params)
    finally:
        del engine.answer
    return [(candidate, seen[candidate.seed or 0]) for candidate in candidates]


async def test_models_of_one_folder_are_asked_by_name(sampler: VllmEngineSampler) -> None:
    assert sampler.models == ("base", "alpha-0.25", "alpha-0.5")
    drawn = {model: await collect(sampler, replace(SHORT, model=model)) for model in sampler.models}
    assert len({candidates[0].text for candidates in drawn.values()}) == 3
    assert {model: candidates[0].source for model, candidates in drawn.items()} == {
        model: f"model:{model}" for model in sampler.models
    }
    with pytest.raises(ValueError, match=r"there is no model 'x'; there are base, alpha-0\.25, alpha-0\.5"):
        await collect(sampler, replace(SHORT, model="x"))


async def test_models_asked_at_the_same_time_do_not_mix(sampler: VllmEngineSampler) -> None:
    asked = [replace(SHORT, model=model) for model in sampler.models] * 2
    together = await asyncio.gather(*(collect(sampler, params) for params in asked))
    for params, candidates in zip(asked, together, strict=True):
        assert [c.text for c in candidates] == [c.text for c in await collect(sampler, params)]


async def test_the_prompt_of_a_theorem_is_read_once(sampler: VllmEngineSampler) -> None:
    theorem = Theorem("theorem long (n : Nat) : " + " ∧ ".join(["n = n"] * 24))
    before = sampler.stats()
    prompt = sampler._fleet.served["base"].engine.tokenizer.encode(SourceFormat().render(theorem))
    assert len(prompt) > 64
    async for _ in sampler.sample(theorem, replace(SHORT, samples=24)):
        pass
    after = sampler.stats()
    # Whole blocks of 32 tokens are shared; the first sequence of all has to read them.
    shared = (len(prompt) - 1) // 32 * 32
    assert after.prompt_tokens - before.prompt_tokens == 24 * len(prompt)
    assert after.cached_tokens - before.cached_tokens == 23 * shared


async def test_what_was_done_is_counted(sampler: VllmEngineSampler) -> None:
    before, wasted = sampler.stats(), sampler.aborted_tokens
    candidates = await collect(sampler, SHORT)
    after = sampler.stats()
    assert after.finished - before.finished == len(candidates)
    assert after.delivered_tokens - before.delivered_tokens == sum(c.tokens for c in candidates)
    assert sampler.aborted_tokens == wasted
    stream = sampler.sample(THEOREM, LONG)
    await anext(stream)
    await stream.aclose()
    assert sampler.stats().aborted > after.aborted
    assert sampler.aborted_tokens > wasted


async def test_the_engines_own_metrics_are_told_apart_by_model(sampler: VllmEngineSampler) -> None:
    registry = CollectorRegistry()
    registry.register(sampler)
    counted = {}
    for _ in range(2):
        for model in ("base", "alpha-0.25"):
            await collect(sampler, replace(SHORT, model=model))
            counted[model] = registry.get_sample_value(
                "vllm:request_success_total", {"model_name": model, "engine": "0", "finished_reason": "length"}
            )
    assert all(counted.values())
    text = generate_latest(registry).decode()
    assert text.count("# TYPE vllm:generation_tokens_total counter") == 1  # one family, both models in it
    assert [line.split("{")[0] for line in text.splitlines() if line.startswith("vllm:generation_tokens_total{")] == [
        "vllm:generation_tokens_total"
    ] * 2


async def test_the_next_line_of_a_proof_is_one_line_and_begins_behind_its_prefix(sampler: VllmEngineSampler) -> None:
    prefix = "by\n  intro x"
    lines = [c async for c in sampler.continue_proof(THEOREM, prefix, replace(SHORT, samples=16, max_tokens=60))]
    assert len(lines) == 16
    assert not any("\n" in c.text.strip("\r\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029") for c in lines)
    (greedy,) = [
        c async for c in sampler.continue_proof(THEOREM, prefix, replace(SHORT, temperature=0.0, max_tokens=60))
    ]
    engine, form = sampler._fleet.served["base"].engine, SourceFormat()
    tokens = engine.tokenizer.encode(form.render(THEOREM)) + engine.tokenizer.encode(form.continuation(THEOREM, prefix))
    again = await engine.answer(
        ModelRequest(tokens, seed=0, max_tokens=60, temperature=0.0, stop=("\n",), min_tokens=1)
    )
    assert greedy.text == again.text.strip()


async def test_our_format_does_not_know_how_to_ask_for_repair(sampler: VllmEngineSampler) -> None:
    assert [c async for c in sampler.repair_proof(THEOREM, "by simp", Message("error", "unsolved goals"), SHORT)] == []


async def test_urgent_requests_overtake_those_that_wait(sampler: VllmEngineSampler) -> None:
    ended: list[str] = []

    async def read(name: str, params: SamplingParams) -> None:
        await collect(sampler, params)
        ended.append(name)

    # The engine works on 16 sequences at once: the third crowd finds a queue.
    crowds = [asyncio.create_task(read("batch", replace(LONG, samples=16, priority=1))) for _ in range(3)]
    assert await becomes(lambda: sampler.stats().waiting > 0)
    crowds.append(asyncio.create_task(read("interactive", replace(LONG, samples=4, priority=0))))
    await asyncio.gather(*crowds)
    assert ended.index("interactive") < 2


async def test_a_seed_repeats_its_candidate_alone_and_in_a_crowd(sampler: VllmEngineSampler) -> None:
    crowd, again = await asyncio.gather(collect(sampler, SHORT), collect(sampler, SHORT))
    alone = await collect(sampler, replace(SHORT, samples=1, seed=crowd[3].seed))
    assert [c.text for c in crowd] == [c.text for c in again]
    assert alone[0].text == crowd[3].text
    assert alone[0].log_prob == pytest.approx(crowd[3].log_prob, abs=1e-3)


async def test_any_seed_is_taken(sampler: VllmEngineSampler) -> None:
    assert len(await collect(sampler, replace(SHORT, samples=2, seed=2**64 - 1))) == 2


async def test_without_a_seed_every_call_draws_anew(sampler: VllmEngineSampler) -> None:
    drawn = replace(SHORT, samples=1, seed=None)
    assert (await collect(sampler, drawn))[0].seed != (await collect(sampler, drawn))[0].seed


async def test_greedy_sampling_yields_one_candidate(sampler: VllmEngineSampler) -> None:
    assert len(await collect(sampler, replace(SHORT, temperature=0.0))) == 1


async def test_short_candidates_arrive_while_long_ones_are_still_sampled(sampler: VllmEngineSampler) -> None:
    stream = sampler.sample(THEOREM, LONG)
    first = await anext(stream)
    assert sampler.stats().running > 0
    await stream.aclose()
    assert first.text


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_leaving_the_stream_aborts_its_requests_in_the_engine(sampler: VllmEngineSampler, how: str) -> None:
    async def read() -> None:
        async for _ in sampler.sample(THEOREM, LONG):
            if how == "close":
                await asyncio.sleep(30)

    if how == "close":
        stream = sampler.sample(THEOREM, LONG)
        await anext(stream)
        await stream.aclose()
    else:
        reader = asyncio.create_task(read())
        await asyncio.sleep(0.05)
        assert sampler.stats().running > 0
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
    assert sampler.stats().running == 0
    assert await becomes_idle(sampler)


async def test_leaving_one_stream_leaves_the_others_alone(sampler: VllmEngineSampler) -> None:
    other = asyncio.create_task(collect(sampler, SHORT))
    stream = sampler.sample(THEOREM, LONG)
    await anext(stream)
    await stream.aclose()
    assert len(await other) == SHORT.samples


async def test_no_more_requests_are_in_the_engine_than_it_works_on_at_once(sampler: VllmEngineSampler) -> None:
    stream = sampler.sample(THEOREM, replace(LONG, samples=500, max_tokens=3))
    for _ in range(40):
        await anext(stream)
        stats = sampler.stats()
        assert stats.running + stats.waiting <= 16
    await stream.aclose()


@pytest.mark.parametrize(("length", "unit"), [(60, "tokens"), (100_000, "characters")])
async def test_a_theorem_longer_than_the_context_is_refused_in_one_sentence(
    sampler: VllmEngineSampler, length: int, unit: str
) -> None:
    with pytest.raises(ValueError, match=rf"too long for base: \d+ {unit}"):
        await anext(sampler.sample(Theorem("theorem t : " + "x = y ∧ " * length), SHORT))


async def test_an_answer_is_cut_to_the_room_that_the_prompt_leaves(sampler: VllmEngineSampler) -> None:
    prompt = len(sampler._fleet.served["base"].engine.tokenizer.encode(PROMPT))
    candidates = await collect(sampler, replace(LONG, samples=4, max_tokens=100_000))
    assert max(c.tokens for c in candidates) <= 256 - prompt
