"""Selects the models of a folder to load: those requested that fit into memory."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from prover.lean.processes.capacity import free_memory
from prover.sampling.vllm.engine_settings import EngineSettings, memory_needed
from prover.sampling.weights import MANIFEST, Model, Weights, WeightsError, read_weights, verify_files

logger = logging.getLogger(__name__)


def read_models(folder: Path, wanted: Sequence[str] | None, left_out: Collection[str]) -> tuple[Weights, list[Model]]:
    """Return the manifest of a folder and the models to load, including their base; verifies all their files. Blocking.

    Args:
        folder: folder with a manifest.
        wanted: names of models; None: all.
        left_out: names of excluded models.

    Raises:
        WeightsError: the folder is invalid, or lacks a requested model.
    """
    weights = read_weights(folder)
    try:
        models = list(weights.models) if wanted is None else [weights.model(name) for name in wanted]
    except ValueError as error:
        raise WeightsError(f"{folder / MANIFEST}: {error}") from None
    models = [model for model in models if model.name not in left_out]
    base = weights.model(weights.base)
    if base not in models and any(model.kind == "adapter" for model in models):
        models.append(base)
    for model in models:
        verify_files(folder, model)
        tokenizer = model.files.get("tokenizer.json")
        if model.kind == "checkpoint" and tokenizer != base.files.get("tokenizer.json"):
            raise WeightsError(f"the model {model.name} has another tokenizer.json than the base {base.name}")
    return weights, models


def without_room(
    folder: Path, weights: Weights, models: Sequence[Model], settings: EngineSettings
) -> Mapping[str, str]:
    """Return the models whose engines do not fit into this machine's memory, with their sizes; a tenth is reserved for
    other programs.

    The first model is always accepted: the base, if it is among them.
    """
    room, total = 0.9 * free_memory(), 0
    missing: dict[str, str] = {}
    for model in sorted(models, key=lambda model: model.name != weights.base):
        if model.kind == "checkpoint":
            needed = memory_needed(folder / model.folder, settings)
            if needed > room and total:
                missing[model.name] = f"it needs {needed >> 20} MiB, and {int(room) >> 20} MiB are free"
                logger.warning("the model %s is left out: %s", model.name, missing[model.name])
            else:
                room -= needed
                total += 1
    return missing
