"""Exports a trained model to a folder of weights for the server; see `prover.sampling.weights`.

Weights are rounded to a compact type, the probe is measured on the rounded files, and curves come from raw samples of
`leansieve evaluate run`. A card next to the files describes the model, its provenance and its measurements.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import TypeAdapter, ValidationError

from prover.sampling.probe import measure_probe
from prover.sampling.prompt import SourceFormat
from prover.sampling.weights import MANIFEST, Curve, Model, Name, Weights, describe_files, read_weights, write_weights
from prover.theorem import Theorem
from training.evaluation.measures.diversity import chances_of_distinct
from training.evaluation.measures.pass_at_k import pass_at_k_of_each, powers_up_to
from training.evaluation.samples import ModelSamples
from training.export.card import model_card
from training.export.files import DType, write_files
from training.run.provenance import FILE, Provenance, hash_weights, read_provenance, stated_license

_PROBE = SourceFormat().render(Theorem("theorem t (n m : Nat) (h : n = m) : n + 0 = m")) + (
    " by\n  induction n with\n  | zero => simp_all\n  | succ n ih => omega"
)
_DISTINCT = (2, 4, 8)


@dataclass(frozen=True)
class ModelExport:
    """A model to export.

    Attributes:
        run: folder of a training run, or of a model alone.
        name: name in the manifest.
        results: raw samples of it, for its curves.
        dtype: number format of the weights.
        commands: commands that made it in addition to that in its record, for the card.
        license: its license; empty: that of its base.
    """

    run: Path
    name: str
    results: tuple[Path, ...] = ()
    dtype: DType = "bfloat16"
    commands: tuple[str, ...] = ()
    license: str = ""


def export_model(what: ModelExport, weights: Path) -> Model:
    """Add a model to a folder of weights, or replace it; the first one exported is the base.

    Listed files never change: a model that differs from the listed one of its name gets a new folder, and the old one
    stays for servers that still read it.

    Raises:
        ValueError: the model, a result or the manifest is invalid; nothing is changed.
        OSError: something cannot be read or written.
    """
    _check_name(what.name)
    source = _model_folder(what.run)
    adapter = (source / "adapter_config.json").exists()
    trained = read_provenance(source)
    settings = {} if trained is None else trained.settings
    algorithm = settings.get("algorithm", {}) if settings.get("rollouts") or settings.get("preferences") else {}
    alpha = _alpha(algorithm)
    form = settings.get("model", {}).get("prompt_format", "source")
    listed = read_weights(weights) if (weights / MANIFEST).exists() else None
    _check_fits(weights, listed, what.name, adapter, alpha, form)
    curves = tuple(_curve(_samples_of(path, source), what.run) for path in what.results)

    # 1. Write files.
    weights.mkdir(parents=True, exist_ok=True)
    draft = weights / f"{what.name}.tmp"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir()
    try:
        write_files(source, draft, what.dtype)
        files = describe_files(draft)
        folder = _folder_for(what.name, files, listed)
        base = draft if listed is None or not adapter else weights / listed.model(listed.base).folder
        probe = measure_probe(base, _PROBE, draft if adapter else None)

        # 2. Write manifest and card: everything is validated before anything is replaced.
        model = Model(
            name=what.name,
            alpha=alpha,
            algorithm=algorithm.get("name", ""),
            kind="adapter" if adapter else "checkpoint",
            folder=folder,
            files=files,
            probe=probe,
            curves=curves,
        )
        others = [] if listed is None else [other for other in listed.models if other.name != what.name]
        base_name = what.name if listed is None else listed.base
        manifest = Weights(prompt_format=form, base=base_name, models=(*others, model))
        if not (weights / folder).exists():
            shutil.copytree(draft, weights / folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    card = model_card(model, what.dtype, trained, what.commands, what.license or _license(source, trained))
    (weights / folder / "README.md").write_text(card, encoding="utf-8")
    write_weights(weights, manifest)
    return model


def _check_name(name: str) -> None:
    try:
        TypeAdapter(Name).validate_python(name)
    except ValidationError:
        raise ValueError(
            f"A model's name is made of small letters, digits, '.', '_' and '-', at most 64, found {name!r}."
        ) from None


def _model_folder(run: Path) -> Path:
    """Return the folder with the weights of a run, or of a model alone."""
    source = run / "model" if (run / "model").is_dir() else run
    if (source / "adapter_config.json").exists() or (
        (source / "config.json").exists() and any(source.glob("*.safetensors"))
    ):
        if not (source / FILE).exists() and _is_run(source.parent):
            raise ValueError(
                f"{source} has no {FILE}: the run that wrote it did not record which settings made these weights. "
                "Train it with this version, or copy the folder elsewhere to pass it on without them."
            )
        return source
    if (run / "last-good").is_dir():
        raise ValueError(f"{run} was stopped before it had a model; its last good weights are in {run / 'last-good'}.")
    raise ValueError(f"{run} holds no trained model.")


def _is_run(folder: Path) -> bool:
    try:
        return "run" in json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def _check_fits(
    weights: Path, listed: Weights | None, name: str, adapter: bool, alpha: float | None, form: str
) -> None:
    """Check that the manifest can include the model.

    Raises:
        ValueError: it cannot; the text gives the reason.
    """
    if listed is None:
        if adapter:
            raise ValueError(f"{weights} has no base yet: export the checkpoint under the adapter first.")
        return
    if listed.prompt_format != form:
        raise ValueError(f"{weights} is for models asked as {listed.prompt_format}, this one is asked as {form}.")
    if adapter and name == listed.base:
        raise ValueError(f"{name} is the base of {weights}, and an adapter cannot take its place: name another.")
    for other in listed.models:
        if alpha is not None and other.alpha == alpha and other.name != name:
            raise ValueError(
                f"{weights} holds {other.name} at α = {alpha:g} already, and requests choose by α: "
                f"export under the name {other.name} to take its place, or into another folder."
            )


def _license(source: Path, trained: Provenance | None) -> str:
    if trained is not None:
        return "" if trained.base is None else trained.base.license
    return stated_license(source)


def _samples_of(path: Path, source: Path) -> ModelSamples:
    """Read samples and check that they may be of the model in `source`."""
    samples = ModelSamples.load(path)
    if samples.weights and dict(samples.weights) != hash_weights(source):
        raise ValueError(f"{path} was sampled from other weights than those of {source}: evaluate these.")
    return samples


def _alpha(algorithm: dict[str, Any]) -> float | None:
    match algorithm.get("name"):
        case "alpha_dpg":
            return float(algorithm.get("options", {}).get("alpha", 0.25))
        case "kl_dpg":
            return 0.0
    return None


def _folder_for(name: str, files: dict[str, str], listed: Weights | None) -> str:
    """Return `name`, or another name if the manifest lists different files there."""
    before = next((model for model in listed.models if model.name == name), None) if listed else None
    if before is None:
        return name
    if before.files == files:
        return before.folder
    return f"{name}-{hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()[:8]}"


def _curve(samples: ModelSamples, run: Path) -> Curve:
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
        command=samples.command or f"leansieve evaluate run {run}",
    )
