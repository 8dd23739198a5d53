"""The tokenizer and model a configuration asks for."""

from collections.abc import Iterable

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from training.config import ModelConfig
from training.model.llama import build_llama
from training.model.tokenizer import train_tokenizer


def load_or_build(
    config: ModelConfig, texts: Iterable[str], seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """A pre-trained model with its tokenizer, with adapters if asked for; or both from scratch.

    Args:
        texts: what a tokenizer from scratch is trained on.
        seed: of initial weights.

    Raises:
        OSError: there is no model at `config.path`.
    """
    if config.path is None:
        tokenizer: PreTrainedTokenizerBase = train_tokenizer(texts, config.vocabulary)
        return build_llama(config.shape, tokenizer, seed), tokenizer
    tokenizer = AutoTokenizer.from_pretrained(config.path)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(config.path, dtype=getattr(torch, config.dtype))
    if config.lora is None:
        untie_embeddings(model)
        return model, tokenizer
    from peft import LoraConfig, get_peft_model  # slow to import, and needed only here

    adapters = LoraConfig(
        r=config.lora.rank,
        lora_alpha=config.lora.alpha,
        lora_dropout=config.lora.dropout,
        target_modules=list(config.lora.targets),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return get_peft_model(model, adapters), tokenizer  # type: ignore[return-value]


def untie_embeddings(model: PreTrainedModel) -> None:
    """Give the output layer weights of its own; see `save_for_serving`."""
    if getattr(model.config, "tie_word_embeddings", False):
        output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        output.weight = nn.Parameter(output.weight.detach().clone())
        model.config.tie_word_embeddings = False
