"""Which models are loaded where memory is short; what starts and changes them is tested with real engines elsewhere."""

from pathlib import Path

import pytest

from prover.sampling import fleet as fleet_module
from prover.sampling.engine_settings import EngineSettings
from prover.sampling.fleet import Fleet
from prover.sampling.questions import source_only
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
    weights = read_weights(folder)
    tuned = weights.model("base").model_copy(update={"name": "alpha-0.9", "folder": "alpha-0.9"})
    monkeypatch.setattr(fleet_module, "free_memory", lambda: free)
    monkeypatch.setattr(fleet_module, "memory_needed", lambda *_: 2 * GIB)
    fleet = Fleet(folder, EngineSettings(), source_only)
    assert [model.name for model in fleet._fitting(weights, [tuned, *weights.models])] == loaded
    assert ("the model alpha-0.9 is left out" in caplog.text) == ("alpha-0.9" not in loaded)
