"""Resolution of a focus, an α or a name in requests."""

from pathlib import Path
from typing import Any

import pytest

from prover.errors import InputError, UserError
from prover.options import Budget, Sampling
from prover.requests import ModelState, RefusedError, UnavailableError
from prover.sampling.sampler import SamplingParams
from prover.sampling.weights import Curve, Model, Probe, Weights
from service.core.resources.models import Models, resolve_sampling
from service.ops.config import ModelSettings, Settings

DIGEST = "0" * 64


def model(name: str, alpha: float | None, *curves: tuple[float, dict[int, float]]) -> Model:
    """A model with what was measured of it: temperature and pass@k."""
    return Model(
        name=name,
        alpha=alpha,
        kind="checkpoint",
        folder=name,
        files={"config.json": DIGEST},
        probe=Probe(text="theorem", tokens=(1, 2), log_probs=(-1.0,)),
        curves=tuple(
            Curve(
                corpus="core_dev.jsonl",
                theorems=10,
                samples=64,
                temperature=temperature,
                max_tokens=64,
                pass_at_k=pass_at_k,
                command="leansieve evaluate",
            )
            for temperature, pass_at_k in curves
        ),
    )


WEIGHTS = Weights(
    base="base",
    models=(
        model("base", None, (1.0, {1: 0.1, 64: 0.5})),
        model("wide", 0.25, (1.2, {1: 0.2, 64: 0.9})),
        model("sharp", 1.0, (0.8, {1: 0.6, 64: 0.7}), (0.2, {1: 0.65, 64: 0.66})),
    ),
)
LOADED = ("base", "wide", "sharp")


def params(sampling: Sampling, budget: Budget | None = None, **settings: Any) -> SamplingParams:
    return resolve_sampling(sampling, budget or Budget(64), 2, ModelSettings(**settings), WEIGHTS, LOADED)


def test_focus_goes_from_coverage_to_precision_along_the_measured_curves() -> None:
    assert (params(Sampling(focus=0.0)).model, params(Sampling(focus=0.0)).temperature) == ("wide", 1.2)
    assert (params(Sampling(focus=1.0)).model, params(Sampling(focus=1.0)).temperature) == ("sharp", 0.2)


def test_a_budget_of_one_sample_is_best_spent_on_precision() -> None:
    assert params(Sampling(focus=0.0), Budget(1)).model == "sharp"


def test_a_request_that_says_nothing_stands_where_the_settings_say() -> None:
    assert params(Sampling()) == SamplingParams(samples=64, temperature=1.0, max_tokens=256)
    assert params(Sampling(), focus=1.0).model == "sharp"


def test_an_alpha_or_a_name_chooses_the_model_itself() -> None:
    assert params(Sampling(alpha=0.25)).model == "wide"
    assert params(Sampling(model="base")).model == "base"
    # Its temperature still comes from what was measured of it: at coverage, unless the settings stand elsewhere.
    assert params(Sampling(alpha=1.0)).temperature == 0.8
    assert params(Sampling(alpha=1.0), focus=1.0).temperature == 0.2


def test_what_the_request_says_itself_goes_before_everything() -> None:
    said = params(Sampling(focus=0.0, temperature=0.5, top_p=0.9, max_tokens=7, seed=3))
    assert (said.temperature, said.top_p, said.max_tokens, said.seed) == (0.5, 0.9, 7, 3)


@pytest.mark.parametrize(
    ("sampling", "field", "there"),
    [
        (Sampling(alpha=0.3), "sampling.alpha", "0.25, 1"),
        (Sampling(model="x"), "sampling.model", "base, wide, sharp"),
    ],
)
def test_a_model_that_is_not_there_is_refused_and_those_that_are_named(
    sampling: Sampling, field: str, there: str
) -> None:
    with pytest.raises(InputError) as caught:
        params(sampling)
    assert caught.value.field == field
    assert str(caught.value).endswith(f"there is {there}")


async def test_a_server_without_a_model_lists_none_and_takes_no_new_weights() -> None:
    models = Models(Settings().model)
    assert models.served == ()
    assert models.params(Sampling(focus=0.5), Budget(), 1) == SamplingParams(samples=64)
    with pytest.raises(InputError, match="there is none"):
        models.params(Sampling(alpha=0.5), Budget(), 1)
    with pytest.raises(RefusedError, match="has no model"):
        await models.reload()


@pytest.mark.parametrize("sampling", [Sampling(model="alpha-0.25"), Sampling(alpha=0.25)])
def test_a_model_that_nobody_serves_now_is_listed_with_the_reason_and_told_apart_from_one_that_is_not_there(
    sampling: Sampling,
) -> None:
    models = Models(ModelSettings.model_validate({"path": "shipped", "remote": {"urls": ["http://127.0.0.1:1"]}}))
    assert [(one.name, one.state) for one in models.served] == [
        ("base", ModelState.FAILED),
        ("alpha-0.25", ModelState.FAILED),
        ("alpha-0.999", ModelState.FAILED),
    ]
    with pytest.raises(
        UnavailableError, match=r"the model alpha-0\.25 cannot be asked: no vLLM server that has it answers"
    ):
        models.params(sampling, Budget(), 1)
    with pytest.raises(InputError, match="no model was tuned"):
        models.params(Sampling(alpha=0.9), Budget(), 1)


def test_remote_models_whose_folder_says_nothing_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"weights\.json cannot be read"):
        Models(ModelSettings.model_validate({"path": tmp_path, "remote": {"urls": ["http://127.0.0.1:1"]}}))
