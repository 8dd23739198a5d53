"""A folder of weights: `weights.json` lists the models with their files and measured curves.

Each model has its own folder next to it: a whole Hugging Face checkpoint, or a PEFT LoRA adapter on the base.
`write_weights` replaces the manifest atomically; the files of a served model never change.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from prover.atomic import atomic_write_text

MANIFEST = "weights.json"
SHIPPED = Path(__file__).resolve().parent.parent / "weights"
"""The weights included in the package."""

_LARGEST_MANIFEST = 4 << 20
_UNREAD = {"README.md", ".gitattributes"}  # may be next to a model's files without being listed

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Chance = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1)]


class WeightsError(ValueError):
    """A folder of weights cannot be used; the text is one sentence with the reason."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


class Curve(_Section):
    """Success of a model on a corpus, measured in one setting."""

    corpus: str
    """Name of the corpus."""
    theorems: Count
    """Number of theorems."""
    samples: Count
    """Candidates sampled for each theorem."""
    temperature: float = Field(gt=0)
    """Softmax temperature."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: Count
    """Maximum length of a candidate in tokens."""
    pass_at_k: dict[Count, Chance]
    """Probability of at least one verified proof among k samples, averaged over the theorems; always includes k = 1."""
    distinct_at_k: dict[Count, dict[Count, Chance]] = {}
    """For a number of distinct verified proofs: the probability of finding at least so many among k samples."""
    command: str
    """The command that measured the curve."""

    @model_validator(mode="after")
    def _is_a_curve(self) -> "Curve":
        if 1 not in self.pass_at_k:
            raise ValueError("pass_at_k lacks k = 1")
        for chances in (self.pass_at_k, *self.distinct_at_k.values()):
            if max(chances, default=1) > self.samples:
                raise ValueError(f"a curve goes to k = {max(chances)}, but {self.samples} samples were measured")
            values = [chances[k] for k in sorted(chances)]
            if values != sorted(values):
                raise ValueError("a chance falls with more samples")
        return self


class Probe(_Section):
    """A text and its scores by the trainer's model; a served model must agree with them."""

    text: str = Field(max_length=10_000)
    """Lean source."""
    tokens: tuple[Annotated[int, Field(ge=0)], ...] = Field(min_length=2, max_length=1024)
    """Tokens of the text."""
    log_probs: tuple[Annotated[float, Field(le=1e-6)], ...]
    """Natural log-probability of each token but the first, given those before it."""

    @model_validator(mode="after")
    def _lengths_agree(self) -> "Probe":
        if len(self.log_probs) != len(self.tokens) - 1:
            raise ValueError(f"{len(self.tokens)} tokens need {len(self.tokens) - 1} log_probs")
        return self


class Model(_Section):
    """An entry of the manifest."""

    name: Name
    """Name in requests and receipts."""
    alpha: float | None = Field(default=None, ge=0, le=1)
    """The α of its training: a larger one means more precision and less coverage; None for a base."""
    algorithm: str = Field(default="", max_length=64)
    """The training algorithm."""
    kind: Literal["checkpoint", "adapter"]
    """Whole weights, or a LoRA adapter on the base."""
    folder: FileName
    """Folder of its files, next to the manifest."""
    files: dict[FileName, Digest] = Field(min_length=1)
    """SHA-256 of each of its files."""
    probe: Probe
    """Verifies that the model was loaded correctly."""
    curves: tuple[Curve, ...] = ()
    """Measured curves."""


class Weights(_Section):
    """The manifest."""

    format: Literal[1] = 1
    """Version of this format."""
    prompt_format: str = "source"
    """The models' prompt format (`prover.sampling.prompt`, `training.model.prompts`)."""
    base: Name
    """The base model of the adapters, and the default model of requests."""
    models: tuple[Model, ...] = Field(min_length=1, max_length=64)
    """All models, including the base."""

    @model_validator(mode="after")
    def _hangs_together(self) -> "Weights":
        for attribute in ("name", "folder", "alpha"):
            values = [value for model in self.models if (value := getattr(model, attribute)) is not None]
            if doubled := [value for value in values if values.count(value) > 1]:
                raise ValueError(f"two models have the {attribute} {doubled[0]}")
        if self.base not in [model.name for model in self.models]:
            raise ValueError(f"the base {self.base} is not among the models")
        if self.model(self.base).kind != "checkpoint":
            raise ValueError(f"the base {self.base} is an adapter, it must be a checkpoint")
        return self

    def model(self, name: str) -> Model:
        """Return the model of this name.

        Raises:
            ValueError: there is none.
        """
        for model in self.models:
            if model.name == name:
                return model
        raise ValueError(f"there is no model {name!r}; there are {', '.join(model.name for model in self.models)}")


def read_weights(folder: Path) -> Weights:
    """Read and validate the manifest of a folder; `verify_files` checks the files that it lists.

    Raises:
        WeightsError: there is none, or it is invalid.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_MANIFEST + 1)
    except OSError as error:
        raise WeightsError(f"the weights' {path} cannot be read: {error.strerror}") from None
    if len(content) > _LARGEST_MANIFEST:
        raise WeightsError(f"the weights' {path} is larger than {_LARGEST_MANIFEST >> 20} MiB")
    try:
        return Weights.model_validate_json(content)
    except ValidationError as error:
        # The format is compared first, because a manifest of another format may differ in all other fields.
        mistakes = error.errors(include_url=False)
        first = next((mistake for mistake in mistakes if mistake["loc"] == ("format",)), mistakes[0])
        place = ".".join(str(part) for part in first["loc"])
        reason = first["msg"].removeprefix("Value error, ")
        raise WeightsError(f"{path}{f', {place}' if place else ''}: {reason}") from None


def write_weights(folder: Path, weights: Weights) -> None:
    """Replace the manifest of a folder atomically."""
    text = weights.model_dump_json(indent=1) + "\n"
    with FileLock(folder / f".{MANIFEST}.lock"):
        atomic_write_text(folder / MANIFEST, text)


def describe_files(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of every file of a model's folder, for `Model.files`; reads all files."""
    return {path.name: _digest(path) for path in sorted(folder.iterdir()) if path.name not in _UNREAD}


def verify_files(folder: Path, model: Model) -> None:
    """Verify that the files of `folder/model.folder` match the manifest, without additional ones; reads all files.

    Raises:
        WeightsError: one is missing, changed or not listed.
    """
    home = folder / model.folder
    try:
        present = {path.name for path in home.iterdir()} - _UNREAD
        if missing := sorted(model.files.keys() - present):
            raise WeightsError(f"the model {model.name} lacks its file {home / missing[0]}")
        if foreign := sorted(present - model.files.keys()):
            raise WeightsError(f"the manifest does not list {home / foreign[0]}")
        for name, digest in model.files.items():
            if _digest(home / name) != digest:
                raise WeightsError(f"{home / name} is not the file that the manifest lists: its SHA-256 differs")
    except OSError as error:
        raise WeightsError(f"{home} of the model {model.name} cannot be read: {error.strerror}") from None


def tensor_shapes(checkpoint: Path) -> Mapping[str, tuple[int, ...]]:
    """Return names and shapes of all tensors in a folder's safetensors files.

    Raises:
        WeightsError: one cannot be read.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for path in sorted(checkpoint.glob("*.safetensors")):
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                if not 2 <= length <= 100 << 20:
                    raise ValueError(f"its header would have {length} bytes")
                header = json.loads(file.read(length))
            shapes |= {name: tuple(entry["shape"]) for name, entry in header.items() if name != "__metadata__"}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise WeightsError(f"{path} is not a safetensors file: {error}") from None
    return shapes


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
