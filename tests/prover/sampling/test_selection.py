"""The choice of models to load if memory is short; other tests start and change them with real engines."""

from pathlib import Path

import pytest

from prover.sampling import selection
from prover.sampling.selection import without_room
from prover.sampling.vllm.engine_settings import EngineSettings
from prover.sampling.weights import read_weights
from tests.prover.sampling.test_weights import folder  # noqa: F401

GIB = 1 << 30


@pytest.mark.parametrize(
    ("free", "loaded"),
    [(8 * GIB, ["alpha-0.9", "base", "alpha-0.25"]), (2.5 * GIB, ["base", "alpha-0.25"]), (0, ["base", "alpha-0.25"])],
)
def test_checkpoints_that_memory_does_not_hold_are_left_out_and_the_base_is_not(
    folder: Path,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    free: float,
    loaded: list[str],
) -> None:
    caplog.set_level("WARNING")  # a server of another test may have set it higher
    weights = read_weights(folder)
    tuned = weights.model("base").model_copy(update={"name": "alpha-0.9", "folder": "alpha-0.9"})
    monkeypatch.setattr(selection, "free_memory", lambda: free)
    monkeypatch.setattr(selection, "memory_needed", lambda *_: 2 * GIB)
    models = [tuned, *weights.models]
    missing = without_room(folder, weights, models, EngineSettings())
    assert [model.name for model in models if model.name not in missing] == loaded
    assert ("the model alpha-0.9 is left out" in caplog.text) == ("alpha-0.9" not in loaded)
