"""Which models of a folder are loaded: those that are wanted and that memory holds."""

import logging
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from prover.lean.processes.capacity import free_memory
from prover.sampling.vllm.engine_settings import EngineSettings, memory_needed
from prover.sampling.weights import MANIFEST, Model, Weights, WeightsError, read_weights, verify_files

logger = logging.getLogger(__name__)


def read_models(folder: Path, wanted: Sequence[str] | None, left_out: Collection[str]) -> tuple[Weights, list[Model]]:
    """The manifest of a folder and the models to load, their base included; all their files are looked at. Blocking.

    Args:
        folder: with a manifest.
        wanted: names; None: all.
        left_out: names of those that are not.

    Raises:
        WeightsError: the folder is invalid, or has no model of a name that is wanted.
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
    """The models whose engines this machine's memory does not hold, with what they need; a tenth is left to others.

    The first has its place in any case: the base, if it is among them.
    """
    room, kept = 0.9 * free_memory(), 0
    missing: dict[str, str] = {}
    for model in sorted(models, key=lambda model: model.name != weights.base):
        if model.kind == "checkpoint":
            needed = memory_needed(folder / model.folder, settings)
            if needed > room and kept:
                missing[model.name] = f"it needs {needed >> 20} MiB, and {int(room) >> 20} MiB are free"
                logger.warning("the model %s is left out: %s", model.name, missing[model.name])
            else:
                room -= needed
                kept += 1
    return missing
