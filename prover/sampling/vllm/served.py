"""A model held by an engine, and the checks before and after new weights replace it."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover.sampling.probe import LARGEST_ERROR, largest_error
from prover.sampling.prompt import PromptFormat
from prover.sampling.serving import Scoring, ServingEngine
from prover.sampling.weights import Model, Weights, WeightsError, tensor_shapes, verify_files

# Entries of a checkpoint's config.json that do not affect its computation.
_COSMETIC = {"_name_or_path", "dtype", "torch_dtype", "transformers_version", "use_cache"}


@dataclass(frozen=True, slots=True)
class Served:
    """A loaded model.

    Attributes:
        name: its name.
        engine: the engine that holds it.
        form: its prompt format.
        model: its entry in the manifest; None for a bare checkpoint.
        adapter: the engine's handle of it; None for a checkpoint.
    """

    name: str
    engine: ServingEngine
    form: PromptFormat
    model: Model | None = None
    adapter: Any = None

    @property
    def weights(self) -> tuple[ServingEngine, Path, Any]:
        """Identity of the weights: equal as long as they are not replaced."""
        return self.engine, self.engine.checkpoint, self.adapter


async def check_probe(served: Served, copy: Scoring | None = None) -> None:
    """Compare a loaded model's log-probabilities with the trainer's.

    Args:
        served: the model.
        copy: the copy to verify; None: all running ones.

    Raises:
        WeightsError: they differ.
    """
    if served.model is None:
        return
    engine, probe = copy or served.engine, served.model.probe
    length = min(len(probe.tokens), engine.context - 1)
    if engine.tokenizer.encode(probe.text)[:length] != list(probe.tokens[:length]):
        raise WeightsError(f"the tokenizer of {served.name} reads the probe in other tokens than the trainer's did")
    probe = probe.model_copy(update={"tokens": probe.tokens[:length], "log_probs": probe.log_probs[: length - 1]})
    scores = await engine.scores(probe.tokens, served.adapter)
    error = max((largest_error(probe, one) for one in scores), key=lambda one: (math.isnan(one), one))
    allowed = LARGEST_ERROR[engine.precision]
    if not error <= allowed:
        raise WeightsError(
            f"the engine does not compute with {served.name} the trainer's result: a log-probability differs by "
            f"{error:.2g}, more than {allowed:g}"
        )


def adapter_rank(adapter: Path) -> int:
    """Return the rank of an adapter.

    Raises:
        WeightsError: its configuration cannot be read.
    """
    path = adapter / "adapter_config.json"
    try:
        rank = json.loads(path.read_text(encoding="utf-8"))["r"]
    except (OSError, ValueError, KeyError, TypeError):
        raise WeightsError(f"{path} is not a LoRA adapter's configuration") from None
    if not isinstance(rank, int) or not 1 <= rank <= 512:
        raise WeightsError(f"{path} has rank {rank!r:.40}, must be from 1 to 512")
    return rank


def check_shapes(name: str, old: Path, new: Path) -> None:
    """Verify that one checkpoint can replace another in a running engine.

    Raises:
        WeightsError: it cannot.
    """
    configs = []
    for folder in (old, new):
        try:
            found = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            configs.append({key: value for key, value in found.items() if key not in _COSMETIC})
        except (OSError, ValueError, AttributeError):
            raise WeightsError(f"{folder / 'config.json'} cannot be read") from None
    if configs[1].get("tie_word_embeddings"):
        raise WeightsError(f"the new weights of {name} tie their embeddings, which a running engine would mix up")
    if different := sorted(k for k in configs[0].keys() | configs[1].keys() if configs[0].get(k) != configs[1].get(k)):
        raise WeightsError(f"the new weights of {name} have another shape: {different[0]} differs in config.json")
    shapes = [tensor_shapes(folder) for folder in (old, new)]
    if different := sorted(k for k in shapes[0].keys() | shapes[1].keys() if shapes[0].get(k) != shapes[1].get(k)):
        raise WeightsError(f"the new weights of {name} have another shape: the tensor {different[0]} differs")


def check_compatible(
    folder: Path,
    served: Mapping[str, Served],
    old: Weights,
    new: Weights,
    models: Iterable[Model],
    changed: Iterable[Model],
) -> None:
    """Reject early all changes that the running engines could not load or undo. Blocking.

    Args:
        folder: folder of the manifests.
        served: the models loaded now.
        old: the manifest they were loaded from.
        new: the manifest to be served.
        models: its requested models.
        changed: requested models that differ from the loaded ones.

    Raises:
        WeightsError: they cannot be loaded.
    """
    if (old.prompt_format, old.base) != (new.prompt_format, new.base):
        raise WeightsError("prompt_format and base cannot change while the models are served: restart instead")
    tokenizer = old.model(old.base).files.get("tokenizer.json")
    if tokenizer != new.model(new.base).files.get("tokenizer.json"):
        raise WeightsError("the tokenizer cannot change while the models are served: restart instead")
    base = served.get(new.base)
    adapters, most = sum(model.kind == "adapter" for model in models), base.engine.most_adapters if base else 0
    if adapters > most:
        raise WeightsError(f"there are {adapters} adapters, but the engine was started for {most}: restart instead")
    for model in changed:
        home = folder / model.folder
        if model.kind == "adapter":
            rank, largest = adapter_rank(home), base.engine.largest_rank if base else 0
            if rank > largest:
                raise WeightsError(
                    f"the adapter {model.name} has rank {rank}, but the engine was started for ranks up to {largest}: restart instead"
                )
        elif (one := served.get(model.name)) is not None:
            assert one.model is not None
            if one.model.kind != model.kind:
                raise WeightsError(f"{model.name} was an adapter: restart to serve it as a checkpoint")
            check_shapes(model.name, folder / one.model.folder, home)
            try:
                verify_files(folder, one.model)
            except WeightsError as error:
                raise WeightsError(
                    f"the old weights of {model.name} are not there any more in case the new ones fail ({error}): "
                    "write new weights into a folder of their own"
                ) from None
