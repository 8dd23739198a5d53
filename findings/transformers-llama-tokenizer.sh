#!/bin/sh
# transformers 5.19.0: AutoTokenizer reads byte-level tokens that name Llama's class without blanks, line ends and ℕ.
#
# `tokenizer.json` has a whole tokenizer: here byte-level BPE, as DeepSeek's models use. Where `tokenizer_config.json` names
# LlamaTokenizerFast, as theirs do, and `config.json` a Llama, AutoTokenizer takes the vocabulary alone and puts Llama's own rules around it.
# Blanks, line ends and letters beyond ASCII have no token under these rules and are dropped, without a word: a model reads a Lean
# theorem as one word and is trained on that. vLLM 0.32 uses the same. The tokenizers package, PreTrainedTokenizerFast and transformers
# 4.57.1 and 5.23.0 read it as the file says. Expected: that, or an error.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check transformers==5.19.0
cd "$folder"
cat >look.py <<'EOT'
import json
import os
from pathlib import Path

os.environ["TRANSFORMERS_VERBOSITY"] = "error"
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import AutoTokenizer, PreTrainedTokenizerFast

text = "theorem t (n : ℕ) : n = n := by\n  simp"
stored = Tokenizer(models.BPE())
stored.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
stored.decoder = decoders.ByteLevel()
letters = pre_tokenizers.ByteLevel.alphabet()
stored.train_from_iterator([text], trainers.BpeTrainer(special_tokens=["<s>", "</s>"], initial_alphabet=letters, show_progress=False))
model = Path("model")
model.mkdir()
stored.save(str(model / "tokenizer.json"))
about = {"tokenizer_class": "LlamaTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "add_bos_token": False}
(model / "tokenizer_config.json").write_text(json.dumps(about))
(model / "config.json").write_text(json.dumps({"model_type": "llama"}))
print("the file:", repr(stored.decode(stored.encode(text).ids)))
for name, kind in (("AutoTokenizer", AutoTokenizer), ("PreTrainedTokenizerFast", PreTrainedTokenizerFast)):
    loaded = kind.from_pretrained(model)
    tokens = loaded.encode(text, add_special_tokens=False)
    print(f"{name}:", tokens == stored.encode(text).ids, repr(loaded.decode(tokens)))
EOT
seen=$(venv/bin/python look.py 2>errors) || { cat errors >&2; exit 1; }
expected="the file: 'theorem t (n : ℕ) : n = n := by\\n  simp'
AutoTokenizer: False 'theoremt(n:):n=n:=bysimp'
PreTrainedTokenizerFast: True 'theorem t (n : ℕ) : n = n := by\\n  simp'"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
