"""Small Lean texts, and a tiny model that can be trained on them in seconds."""

from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.config import LlamaShape
from training.corpus.synthetic.generator import generate
from training.model.llama import build_llama
from training.model.tokenizer import train_tokenizer

SHAPE = LlamaShape(layers=2, width=64, heads=2, key_value_heads=1, hidden=96, context=256)


def texts(count: int = 200) -> list[str]:
    return [record.statement + " := by\n  simp [Nat.add_comm]\n  omega\n" for record in generate(count)]


def tiny_tokenizer(vocabulary: int = 320) -> PreTrainedTokenizerFast:
    return train_tokenizer(texts(), vocabulary)


def tiny_model(tokenizer: PreTrainedTokenizerFast, seed: int = 0) -> LlamaForCausalLM:
    return build_llama(SHAPE, tokenizer, seed)
