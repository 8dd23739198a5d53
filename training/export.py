"""From a trained model to a folder of weights that the server takes; see `prover.sampling.weights`.

Weights are rounded to a compact type, the probe is measured on the rounded files, and curves come from raw samples of
`leansieve evaluate run`. A card beside the files says what the model is, what made it and what was measured.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from prover.sampling.probe import measure_probe
from prover.sampling.prompt import SourceFormat
from prover.sampling.weights import MANIFEST, Curve, Model, Weights, describe_files, read_weights, write_weights
from prover.theorem import Theorem
from training.evaluation.measures.diversity import chances_of_distinct
from training.evaluation.measures.pass_at_k import pass_at_k_of_each, powers_up_to
from training.evaluation.samples import ModelSamples

_PROBE = SourceFormat().render(Theorem("theorem t (n m : Nat) (h : n = m) : n + 0 = m")) + (
    " by\n  induction n with\n  | zero => simp_all\n  | succ n ih => omega"
)
_DISTINCT = (2, 4, 8)
_KEPT = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "generation_config.json")

DType = Literal["float32", "bfloat16", "float16"]


@dataclass(frozen=True)
class Export:
    """What is exported.

    Attributes:
        run: a training run's folder, or the folder of a model alone.
        name: what the manifest calls it.
        results: raw samples of it, for its curves.
        dtype: of the weights.
        commands: what trained and measured it, for the card.
    """

    run: Path
    name: str
    results: tuple[Path, ...] = ()
    dtype: DType = "bfloat16"
    commands: tuple[str, ...] = ()


def export_model(what: Export, weights: Path) -> Model:
    """Add a model to a folder of weights, or take its place; the first one exported is the base.

    Files under a name that is listed never change: a model that differs from what the manifest lists under its name
    gets a new folder, and the old one stays for servers that still read it.

    Raises:
        ValueError: the model, a result or the manifest is not what it should be.
        OSError: something cannot be read or written.
    """
    source = what.run / "model" if (what.run / "model").is_dir() else what.run
    adapter = (source / "adapter_config.json").exists()
    if not adapter and not (source / "config.json").exists():
        raise ValueError(f"{what.run} holds no trained model.")
    trained = _configuration(what.run)
    algorithm = trained.get("algorithm", {}) if trained.get("rollouts") else {}
    form = trained.get("model", {}).get("prompt_format", "source")
    listed = read_weights(weights) if (weights / MANIFEST).exists() else None
    if listed is None and adapter:
        raise ValueError(f"{weights} has no base yet: export the checkpoint under the adapter first.")
    if listed is not None and listed.prompt_format != form:
        raise ValueError(f"{weights} is for models asked as {listed.prompt_format}, this one is asked as {form}.")

    # 1. Files.
    weights.mkdir(parents=True, exist_ok=True)
    draft = weights / f"{what.name}.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        _write_files(source, draft, what.dtype)
        files = describe_files(draft)
        folder = _folder_for(what.name, files, listed)
        base = draft if listed is None or not adapter else weights / listed.model(listed.base).folder
        probe = measure_probe(base, _PROBE, draft if adapter else None)
        if not (weights / folder).exists():
            shutil.copytree(draft, weights / folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)

    # 2. Manifest and card.
    model = Model(
        name=what.name,
        alpha=_alpha(algorithm),
        algorithm=algorithm.get("name", ""),
        kind="adapter" if adapter else "checkpoint",
        folder=folder,
        files=files,
        probe=probe,
        curves=tuple(_curve(ModelSamples.load(path), what) for path in what.results),
    )
    others = [] if listed is None else [other for other in listed.models if other.name != what.name]
    (weights / folder / "README.md").write_text(_card(model, what, trained), encoding="utf-8")
    base_name = what.name if listed is None else listed.base
    write_weights(weights, Weights(prompt_format=form, base=base_name, models=(*others, model)))
    return model


def _configuration(run: Path) -> dict[str, Any]:
    """The settings that a run wrote down; empty for a model from elsewhere."""
    path = run / "config.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return dict(content) if "run" in content else {}  # a checkpoint's own config.json has no such table


def _alpha(algorithm: dict[str, Any]) -> float | None:
    match algorithm.get("name"):
        case "alpha_dpg":
            return float(algorithm.get("options", {}).get("alpha", 0.25))
        case "kl_dpg":
            return 0.0
    return None


def _write_files(source: Path, target: Path, dtype: DType) -> None:
    rounded = getattr(torch, dtype)
    shards = sorted(source.glob("*.safetensors"))
    if not shards:
        raise ValueError(f"{source} has no weights: no *.safetensors file is in it.")
    for shard in shards:
        with safe_open(shard, "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118, it is no mapping
        for name, tensor in tensors.items():
            if not tensor.isfinite().all():
                raise ValueError(f"{shard}: {name} holds what is no finite number.")
        save_file({name: tensor.to(rounded) for name, tensor in tensors.items()}, target / shard.name, {"format": "pt"})
    for name in ("config.json", "adapter_config.json"):
        if (source / name).exists():
            content = json.loads((source / name).read_text(encoding="utf-8"))
            if content.get("tie_word_embeddings"):
                raise ValueError(f"{source} ties its embeddings, which does not survive vLLM's reload.")
            if name == "config.json":
                content["dtype"] = dtype
            else:
                content["base_model_name_or_path"] = None  # the manifest says it; paths of this machine say nothing
            (target / name).write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    for path in [*(source / name for name in _KEPT), *source.glob("*.safetensors.index.json")]:
        if path.exists():
            shutil.copyfile(path, target / path.name)


def _folder_for(name: str, files: dict[str, str], listed: Weights | None) -> str:
    """`name`, or another one if the manifest lists different files there."""
    before = next((model for model in listed.models if model.name == name), None) if listed else None
    if before is None:
        return name
    if before.files == files:
        return before.folder
    return f"{name}-{hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:8]}"


def _curve(samples: ModelSamples, what: Export) -> Curve:
    counts = [theorem.samples for theorem in samples.theorems]
    right = [theorem.verified for theorem in samples.theorems]
    powers = powers_up_to(samples.samples)
    wanted = [number for number in _DISTINCT if number <= samples.samples]
    chances = {
        k: np.mean([chances_of_distinct(theorem, k, max(_DISTINCT)) for theorem in samples.theorems], axis=0)
        for k in powers
    }
    sampling = samples.sampling
    return Curve(
        corpus=samples.corpus,
        theorems=len(samples.theorems),
        samples=samples.samples,
        temperature=float(sampling.get("temperature") or 0),
        top_p=float(sampling.get("top_p") or 1),
        max_tokens=int(sampling.get("max_tokens") or 0),
        pass_at_k={k: float(pass_at_k_of_each(counts, right, k).mean()) for k in powers},
        distinct_at_k={
            number: {
                k: max(float(chances[other][number]) for other in powers if number <= other <= k)
                for k in powers
                if k >= number
            }
            for number in wanted
        },
        command=what.commands[-1] if what.commands else "leansieve evaluate run",
    )


def _card(model: Model, what: Export, trained: dict[str, Any]) -> str:
    title = f"# {model.name}\n\nA Lean 4 prover of leansieve: "
    if model.algorithm:
        title += f"tuned with `{model.algorithm}`" + (f" at α = {model.alpha:g}" if model.alpha is not None else "")
    else:
        title += "the base model, fine-tuned on verified proofs"
    parts = [f"{title}. Weights in {what.dtype}; license: Apache-2.0."]
    if what.commands:
        parts.append("Made by\n\n```sh\n" + "\n".join(what.commands) + "\n```")
    if model.curves:
        rows = [
            "| corpus | theorems | samples | pass@1 | pass@16 | pass@64 | pass@256 |",
            "|---|---|---|---|---|---|---|",
        ]
        for curve in model.curves:
            cells = [f"{100 * curve.pass_at_k[k]:.1f}" if k in curve.pass_at_k else "–" for k in (1, 16, 64, 256)]
            rows.append(f"| {curve.corpus} | {curve.theorems} | {curve.samples} | {' | '.join(cells)} |")
        parts.append("Measured, in percent:\n\n" + "\n".join(rows))
    if trained:
        parts.append(
            "Settings:\n\n```json\n" + json.dumps(_part_taken(trained), indent=1, ensure_ascii=False) + "\n```"
        )
    parts.append("Its proofs are worth what Lean's kernel says of them: check every one.")
    return "\n\n".join(parts) + "\n"


def _part_taken(trained: dict[str, Any]) -> dict[str, Any]:
    """The settings without those that had no part in the run: tables of the other kind, the shape of a model that was there."""
    idle = {"rollouts", "algorithm", "verification", "evaluation"} if trained.get("sft") else {"sft"}
    settings = {table: values for table, values in trained.items() if table not in idle}
    if "path" in (model := settings.get("model", {})):
        unread = {"shape", "vocabulary"} if model["path"] is not None else {"path"}
        settings["model"] = {name: value for name, value in model.items() if name not in unread}
    return settings
