"""The manifest of a folder of weights: reading it back, and errors of one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from prover.sampling.weights import (
    Model,
    Probe,
    Weights,
    WeightsError,
    describe_files,
    read_weights,
    tensor_shapes,
    verify_files,
    write_weights,
)

CURVE = {
    "corpus": "core_dev",
    "theorems": 10,
    "samples": 4,
    "temperature": 1.0,
    "max_tokens": 64,
    "pass_at_k": {1: 0.25, 2: 0.5, 4: 0.5},
    "distinct_at_k": {2: {2: 0.1, 4: 0.3}},
    "command": "leansieve evaluate",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A base and an adapter; the files hold nothing of worth."""
    models = []
    for name, kind, alpha in (("base", "checkpoint", None), ("alpha-0.25", "adapter", 0.25)):
        home = tmp_path / name
        home.mkdir()
        (home / "config.json").write_text(name)
        (home / "README.md").write_text("a model card is not read by anything")
        probe = Probe(text="theorem", tokens=(3, 4), log_probs=(-0.5,))
        files = describe_files(home)
        entry = {
            "name": name,
            "alpha": alpha,
            "kind": kind,
            "folder": name,
            "files": files,
            "probe": probe,
            "curves": [CURVE],
        }
        models.append(Model.model_validate(entry))
    write_weights(tmp_path, Weights(base="base", models=tuple(models)))
    return tmp_path


def change(folder: Path, edit: Callable[[dict[str, Any]], Any]) -> None:
    path = folder / "weights.json"
    content = json.loads(path.read_text())
    edit(content)
    path.write_text(json.dumps(content))


def test_what_is_written_is_read_back(folder: Path) -> None:
    weights = read_weights(folder)
    write_weights(folder, weights)
    assert read_weights(folder) == weights
    assert weights.model("alpha-0.25").alpha == 0.25
    assert weights.model("base").curves[0].distinct_at_k[2][4] == 0.3
    for model in weights.models:
        verify_files(folder, model)


def test_models_that_are_not_there_are_named_with_those_that_are(folder: Path) -> None:
    weights = read_weights(folder)
    with pytest.raises(ValueError, match=r"there is no model 'x'; there are base, alpha-0.25"):
        weights.model("x")


REFUSED: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another format": (lambda w: w.update(format=2, models=3), "format: Input should be 1"),
    "unknown field": (lambda w: w.update(extra=1), "extra: Extra inputs are not permitted"),
    "no base": (lambda w: w.update(base="other"), "the base other is not among the models"),
    "adapter as base": (lambda w: w.update(base="alpha-0.25"), "the base alpha-0.25 is an adapter"),
    "same name": (lambda w: w["models"][1].update(name="base"), "two models have the name base"),
    "same folder": (lambda w: w["models"][1].update(folder="base"), "two models have the folder base"),
    "same alpha": (lambda w: [m.update(alpha=0.0) for m in w["models"]], "two models have the alpha 0.0"),
    "path upwards": (lambda w: w["models"][0].update(folder=".."), "models.0.folder: String should match"),
    "path elsewhere": (lambda w: w["models"][0].update(folder="/etc"), "models.0.folder: String should match"),
    "file elsewhere": (lambda w: w["models"][0].update(files={"../x": "0" * 64}), "models.0.files"),
    "hidden name": (lambda w: w["models"][0].update(name=".x"), "models.0.name: String should match"),
    "no digest": (lambda w: w["models"][0].update(files={"x": "0"}), "models.0.files.x: String should match"),
    "alpha": (lambda w: w["models"][0].update(alpha=1.5), "models.0.alpha: Input should be less than or equal to 1"),
    "falling curve": (lambda w: w["models"][0]["curves"][0].update(pass_at_k={1: 0.5, 2: 0.4}), "a chance falls"),
    "no pass@1": (lambda w: w["models"][0]["curves"][0].update(pass_at_k={2: 0.4}), "pass_at_k lacks k = 1"),
    "beyond samples": (lambda w: w["models"][0]["curves"][0].update(pass_at_k={1: 0.4, 8: 0.5}), "goes to k = 8"),
    "no chance": (lambda w: w["models"][0]["curves"][0].update(pass_at_k={1: 1.5}), "less than or equal to 1"),
    "probe": (lambda w: w["models"][0]["probe"].update(log_probs=[]), "2 tokens need 1 log_probs"),
    "not a number": (lambda w: w["models"][0]["probe"].update(log_probs=[float("nan")]), "models.0.probe.log_probs.0"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_a_manifest_that_makes_no_sense_is_refused_in_one_sentence(folder: Path, mistake: str) -> None:
    edit, sentence = REFUSED[mistake]
    change(folder, edit)
    with pytest.raises(WeightsError) as refusal:
        read_weights(folder)
    assert sentence in str(refusal.value)
    assert "weights.json" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff", b"[]", b" " * (5 << 20)])
def test_a_file_that_is_no_manifest_is_refused_in_one_sentence(folder: Path, content: bytes) -> None:
    (folder / "weights.json").write_bytes(content)
    with pytest.raises(WeightsError) as refusal:
        read_weights(folder)
    assert "\n" not in str(refusal.value)
    assert len(str(refusal.value)) < 500


def test_a_missing_manifest_is_said(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"weights\.json cannot be read: No such file"):
        read_weights(tmp_path)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [("change", "is not the file that the manifest lists"), ("remove", "lacks its file"), ("add", "does not list")],
)
def test_files_that_are_not_those_listed_are_refused(folder: Path, damage: str, sentence: str) -> None:
    model = read_weights(folder).models[0]
    match damage:
        case "change":
            (folder / "base" / "config.json").write_text("other")
        case "remove":
            (folder / "base" / "config.json").unlink()
        case "add":
            (folder / "base" / "pytorch_model.bin").write_text("would be unpickled")
    with pytest.raises(WeightsError, match=sentence):
        verify_files(folder, model)


@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0[]", b"\x09\0\0\0\0\0\0\0", b"\xff" * 16])
def test_a_broken_safetensors_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match="is not a safetensors file"):
        tensor_shapes(tmp_path)
