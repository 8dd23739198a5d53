"""Makes folders of weights to be served: tiny models with random weights, probed by transformers."""

import contextlib
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

from prover.sampling.probe import measure_probe
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.sampling.weights import Model, Weights, describe_files, read_weights, write_weights
from tests.support.models.tiny_llama import LEAN, make_checkpoint

PROBED = "\n".join(LEAN)


def make_adapter(base: Path, folder: Path, seed: int = 0, rank: int = 8) -> None:
    """Write a LoRA adapter on `base` that changes its answers a lot."""
    import peft
    import torch
    import transformers

    torch.manual_seed(seed)
    config = peft.LoraConfig(
        r=rank,
        lora_alpha=4 * rank,
        target_modules=["q_proj", "v_proj", "gate_proj", "down_proj"],
        init_lora_weights=False,
        task_type="CAUSAL_LM",
    )
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    peft.get_peft_model(model, config).save_pretrained(folder)
    (folder / "README.md").unlink(missing_ok=True)


def describe(
    folder: Path,
    name: str,
    home: str,
    alpha: float | None = None,
    kind: Literal["checkpoint", "adapter"] = "checkpoint",
) -> Model:
    """The manifest's entry for a model whose files are in `folder / home`."""
    if kind == "adapter":
        probe = measure_probe(folder / "base", PROBED, adapter=folder / home)
    else:
        probe = measure_probe(folder / home, PROBED)
    return Model(name=name, alpha=alpha, kind=kind, folder=home, files=describe_files(folder / home), probe=probe)


def make_weights(folder: Path) -> Weights:
    """A base, a tuned checkpoint and a tuned adapter."""
    make_checkpoint(folder / "base", seed=0)
    make_checkpoint(folder / "alpha-0.25", seed=1)
    make_adapter(folder / "base", folder / "alpha-0.5")
    weights = Weights(
        base="base",
        models=(
            describe(folder, "base", "base"),
            describe(folder, "alpha-0.25", "alpha-0.25", alpha=0.25),
            describe(folder, "alpha-0.5", "alpha-0.5", alpha=0.5, kind="adapter"),
        ),
    )
    write_weights(folder, weights)
    return weights


@contextlib.asynccontextmanager
async def given_back(sampler: VllmEngineSampler, folder: Path) -> AsyncIterator[None]:
    """Behind the block, the sampler serves what it served before, and folders of models that came since are gone."""
    weights, folders = read_weights(folder), _folders_in(folder)
    yield
    write_weights(folder, weights)
    await sampler.reload()
    for one in _folders_in(folder) - folders:
        shutil.rmtree(one)


def _folders_in(folder: Path) -> set[Path]:
    return {path for path in folder.iterdir() if path.is_dir()}
