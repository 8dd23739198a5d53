"""The provenance of a model: settings, base and steps, stored in the model's folder with the hashes of its weights.

The run writes `training.json` together with the weights, atomically. The hashes prove that the record belongs to these
weights.
"""

import hashlib
import itertools
import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

FILE = "training.json"
_CARD_BYTES = 64 << 10


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class BaseModelRecord(_Section):
    """The model from which a run started."""

    name: str
    """Name in the settings."""
    weights: dict[str, str]
    """SHA-256 of each of its weight files."""
    license: str = ""
    """License stated in its record or model card; empty if neither states one."""


class Segment(_Section):
    """Steps of a run made with the same settings."""

    first_step: int = Field(ge=1)
    """The first of these steps."""
    settings: dict[str, Any]
    """All settings of the run."""


class Provenance(_Section):
    """The record of one model."""

    format: Literal[1] = 1
    """Version of this format."""
    segments: tuple[Segment, ...] = Field(min_length=1)
    """Settings of the run, in the order of its steps; several if the run was extended."""
    step: int = Field(ge=0)
    """The step of these weights."""
    base: BaseModelRecord | None
    """The model from which it started; None if it was trained from scratch."""
    command: str = ""
    """The last command line."""
    stopped: str = ""
    """Reason why the run was stopped early; empty if it was not."""
    weights: dict[str, str] = {}
    """SHA-256 of each file of weights next to this record."""

    @property
    def settings(self) -> dict[str, Any]:
        """Return the settings of the last steps."""
        return self.segments[-1].settings


def describe_base(name: str, folder: Path) -> BaseModelRecord:
    """Describe the model in `folder`; reads all of its weights."""
    provenance = read_provenance(folder)
    stated = provenance.base.license if provenance is not None and provenance.base is not None else ""
    return BaseModelRecord(name=name, weights=hash_weights(folder), license=stated or stated_license(folder))


def stated_license(folder: Path) -> str:
    """Return the license in a model card's front matter; empty without one."""
    try:
        with (folder / "README.md").open(encoding="utf-8", errors="replace") as file:
            lines = file.read(_CARD_BYTES).splitlines()
    except OSError:
        return ""
    if lines[:1] != ["---"]:
        return ""
    for line in itertools.takewhile(lambda line: line.strip() != "---", lines[1:]):
        key, _, value = line.partition(":")
        if key == "license":
            return value.strip().strip("\"'")
    return ""


def hash_weights(folder: Path) -> dict[str, str]:
    """Return the SHA-256 of each weight file in a model's folder."""
    found = {}
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            found[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def write_provenance(folder: Path, record: Provenance) -> None:
    """Write the record next to existing weights."""
    whole = record.model_copy(update={"weights": hash_weights(folder)})
    (folder / FILE).write_text(whole.model_dump_json(indent=1) + "\n", encoding="utf-8")


def read_provenance(folder: Path) -> Provenance | None:
    """Return the record of the model in `folder`; None if it has none.

    Raises:
        ValueError: the record cannot be read, or belongs to other weights.
    """
    path = folder / FILE
    try:
        record = Provenance.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValidationError, ValueError) as error:
        raise ValueError(f"{path} is not the record of a training run: {str(error).splitlines()[0]}.") from None
    found = hash_weights(folder)
    if found != record.weights:
        changed = sorted(
            name for name in found.keys() | record.weights.keys() if found.get(name) != record.weights.get(name)
        )
        raise ValueError(
            f"{folder} holds other weights than those that its {FILE} describes ({', '.join(changed)}): "
            "put back the run's own files, or remove the record to pass the weights on without it."
        )
    return record
