"""A trained model is served by vLLM with the same scores as the trainer's."""

import importlib.util
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from prover.sampling.prompt import SourceFormat
from prover.sampling.sampler import SamplingParams
from prover.sampling.vllm.vllm_engine import EngineSettings, VllmEngineSampler
from tests.training.model.alone import alone
from training.config import TrainingConfig
from training.corpus.jsonl import write_jsonl
from training.corpus.proofs import ProvedTheorem
from training.corpus.synthetic.generator import generate
from training.model.examples import encode_example
from training.model.sft import fine_tune

# Not importorskip: importing vLLM takes seconds and must come after the sampler has set vLLM's environment.
pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


async def test_vllm_samples_what_was_learnt_with_the_log_probabilities_of_the_trainer(tmp_path: Path) -> None:
    records = generate(24, families=["inequalities"])
    proofs = [" by\n  omega", " by\n  intros\n  omega"]
    write_jsonl(tmp_path / "proofs.jsonl", [ProvedTheorem(theorem=record, proofs=proofs) for record in records])
    shape = {"layers": 2, "width": 64, "heads": 2, "key_value_heads": 1, "hidden": 96, "context": 256}
    config = TrainingConfig.model_validate(
        {
            "run": {"folder": tmp_path / "run", "device": "cpu", "threads": 1},
            "model": {"shape": shape, "vocabulary": 300},
            "optimizer": {"learning_rate": 3e-3},
            "sft": {"proofs": [tmp_path / "proofs.jsonl"], "steps": 120, "row_length": 256, "rows": 4},
        }
    )
    folder = fine_tune(config)

    sampler = VllmEngineSampler(folder, settings=EngineSettings(sequences=8))
    await sampler.start()
    try:
        params = SamplingParams(samples=16, max_tokens=40, seed=1)
        candidates = [candidate async for candidate in sampler.sample(records[0].theorem, params)]
    finally:
        await sampler.close()
    learnt = {proof.strip() for proof in proofs}
    assert {candidate.text for candidate in candidates} & learnt

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    form = SourceFormat()
    compared = 0
    for candidate in candidates:
        example = encode_example(tokenizer, form.render(records[0].theorem), form.answer(candidate.text))
        if candidate.text not in learnt or candidate.tokens != len(example.response):
            continue  # the same text may have been sampled in other tokens
        with torch.no_grad():
            log_probs, _ = alone(model, example.prompt, example.response)
        assert candidate.log_prob == pytest.approx(log_probs.sum().item(), abs=1e-3)
        compared += 1
    assert compared > 0
