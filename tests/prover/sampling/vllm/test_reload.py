"""New weights loaded while the engines run: real vLLM, tiny models, compared with transformers."""

import asyncio
import importlib.util
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from prover.candidate import Candidate
from prover.sampling.sampler import SamplingParams, WeightsReplacedError
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.sampling.weights import Model, WeightsError, read_weights, write_weights
from prover.theorem import Theorem
from tests.support.models.tiny_llama import make_checkpoint
from tests.support.models.tiny_weights import describe, given_back, make_adapter
from tests.support.waiting import becomes

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

THEOREM = Theorem("theorem u (n : Nat) : n = n")
SHORT = SamplingParams(samples=4, max_tokens=24, seed=7)
ALL = ("base", "alpha-0.25", "alpha-0.5")


@pytest_asyncio.fixture(loop_scope="session")
async def served(sampler: VllmEngineSampler, weights_folder: Path) -> AsyncIterator[VllmEngineSampler]:
    """The engines of all tests, given back with the weights they had."""
    async with given_back(sampler, weights_folder):
        yield sampler


async def collect(sampler: VllmEngineSampler, model: str, params: SamplingParams = SHORT) -> list[Candidate]:
    found = [c async for c in sampler.sample(THEOREM, replace(params, model=model))]
    return sorted(found, key=lambda c: c.seed or 0)


async def texts(sampler: VllmEngineSampler, *models: str) -> dict[str, list[str]]:
    return {model: [c.text for c in await collect(sampler, model)] for model in models}


def publish(folder: Path, *changed: Model, without: str = "") -> None:
    """Write a manifest in which these models take the place of those of their names."""
    weights = read_weights(folder)
    kept = {model.name: model for model in weights.models if model.name != without}
    models = kept | {model.name: model for model in changed}
    write_weights(folder, weights.model_copy(update={"models": tuple(models.values())}))


async def test_new_weights_are_served_without_a_restart(served: VllmEngineSampler, weights_folder: Path) -> None:
    before = await texts(served, *ALL)
    make_checkpoint(weights_folder / "newer", seed=5)
    make_adapter(weights_folder / "base", weights_folder / "newer-adapter", seed=5)
    newer = describe(weights_folder, "alpha-0.25", "newer", alpha=0.25)
    adapter = describe(weights_folder, "alpha-0.5", "newer-adapter", alpha=0.5, kind="adapter")
    publish(weights_folder, newer, adapter)
    weights = await served.reload()
    assert weights == served.weights == read_weights(weights_folder)
    after = await texts(served, *ALL)
    assert after["base"] == before["base"]
    assert after["alpha-0.25"] != before["alpha-0.25"]
    assert after["alpha-0.5"] != before["alpha-0.5"]
    # That these are the new weights and not some mixture, transformers says.
    for model in (newer, adapter):
        one = served._fleet.served[model.name]
        found = await one.engine.log_probs(model.probe.tokens, one.adapter)
        assert found == pytest.approx(model.probe.log_probs, abs=2e-3)


async def test_a_changed_base_takes_its_adapters_with_it(served: VllmEngineSampler, weights_folder: Path) -> None:
    make_checkpoint(weights_folder / "newer", seed=6)
    publish(weights_folder, describe(weights_folder, "base", "newer"))
    before = await texts(served, *ALL)
    # The adapter's probe was measured on the old base.
    with pytest.raises(WeightsError, match=r"the engine does not compute with alpha-0.5 the trainer's result"):
        await served.reload()
    assert await texts(served, *ALL) == before


async def test_requests_under_way_end_on_the_old_weights_and_later_ones_get_the_new(
    served: VllmEngineSampler, weights_folder: Path
) -> None:
    long = replace(SHORT, samples=4, max_tokens=200)  # as many as are in the engine at once
    old = await collect(served, "alpha-0.25", long)
    running = asyncio.create_task(collect(served, "alpha-0.25", long))
    assert await becomes(lambda: served.stats().running == 4)
    make_checkpoint(weights_folder / "newer", seed=5)
    publish(weights_folder, describe(weights_folder, "alpha-0.25", "newer", alpha=0.25))
    reload = asyncio.create_task(served.reload())
    await asyncio.sleep(0.2)
    later = asyncio.create_task(collect(served, "alpha-0.25", long))
    await reload
    assert [c.text for c in await running] == [c.text for c in old]
    assert [c.text for c in await later] != [c.text for c in old]


async def test_one_call_has_answers_of_one_model_however_many_are_not_yet_in_work_at_a_reload(
    served: VllmEngineSampler, weights_folder: Path
) -> None:
    many = replace(SHORT, samples=64, max_tokens=200, model="alpha-0.25")  # four times as many as an engine works on
    old = {candidate.seed: candidate.text for candidate in await collect(served, "alpha-0.25", many)}
    make_checkpoint(weights_folder / "newer", seed=5)
    publish(weights_folder, describe(weights_folder, "alpha-0.25", "newer", alpha=0.25))
    found: list[Candidate] = []

    async def read() -> None:
        async for candidate in served.sample(THEOREM, many):
            found.append(candidate)

    reading = asyncio.create_task(read())
    assert await becomes(lambda: bool(found))
    await served.reload()
    with pytest.raises(WeightsReplacedError, match=r"^new weights took the place of those of alpha-0.25"):
        await reading
    assert 0 < len(found) < 64
    # Some processors add in another order when others are in the batch, and then draw another token now and then.
    same = sum(old[candidate.seed] == candidate.text for candidate in found)
    assert same > len(found) / 2


async def test_weights_that_are_not_what_their_trainer_measured_are_taken_back(
    served: VllmEngineSampler, weights_folder: Path
) -> None:
    before = await texts(served, *ALL)
    make_checkpoint(weights_folder / "newer", seed=5)
    wrong = describe(weights_folder, "alpha-0.25", "newer", alpha=0.25)
    other = read_weights(weights_folder).model("alpha-0.25").probe
    publish(weights_folder, wrong.model_copy(update={"probe": other}))
    with pytest.raises(WeightsError, match="a log-probability differs by"):
        await served.reload()
    assert await texts(served, *ALL) == before
    assert served.weights is not None
    assert served.weights.model("alpha-0.25").folder == "alpha-0.25"


async def test_another_shape_is_refused_before_anything_is_touched(
    served: VllmEngineSampler, weights_folder: Path
) -> None:
    before = await texts(served, *ALL)
    make_checkpoint(weights_folder / "wider", seed=5, width=128)
    publish(weights_folder, describe(weights_folder, "alpha-0.25", "wider", alpha=0.25))
    with pytest.raises(WeightsError, match=r"the new weights of alpha-0.25 have another shape: \w+ differs"):
        await served.reload()
    assert await texts(served, *ALL) == before


async def test_weights_overwritten_in_place_are_refused_because_the_old_could_not_come_back(
    served: VllmEngineSampler, weights_folder: Path
) -> None:
    home, kept = weights_folder / "alpha-0.25", weights_folder / "kept"
    before = await texts(served, "alpha-0.25")
    shutil.copytree(home, kept)
    try:
        make_checkpoint(home, seed=5)
        publish(weights_folder, describe(weights_folder, "alpha-0.25", "alpha-0.25", alpha=0.25))
        with pytest.raises(WeightsError, match="write new weights into a folder of their own"):
            await served.reload()
    finally:
        shutil.rmtree(home)
        kept.rename(home)
    assert await texts(served, "alpha-0.25") == before


@pytest.mark.parametrize("damage", ["manifest", "file", "tokenizer", "rank"])
async def test_a_folder_that_makes_no_sense_is_refused_in_one_sentence(
    served: VllmEngineSampler, weights_folder: Path, damage: str
) -> None:
    before = await texts(served, *ALL)
    make_checkpoint(weights_folder / "newer", seed=5)
    newer = describe(weights_folder, "alpha-0.25", "newer", alpha=0.25)
    match damage:
        case "manifest":
            (weights_folder / "weights.json").write_text("{")
        case "file":
            publish(weights_folder, newer)
            (weights_folder / "newer" / "config.json").write_text("{}")
        case "tokenizer":
            (weights_folder / "newer" / "tokenizer.json").write_text("{}")
            files = newer.files | {"tokenizer.json": "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"}
            publish(weights_folder, newer.model_copy(update={"files": files}))
        case "rank":
            make_adapter(weights_folder / "base", weights_folder / "high", rank=16)
            publish(weights_folder, describe(weights_folder, "alpha-0.5", "high", alpha=0.5, kind="adapter"))
    with pytest.raises(WeightsError) as refusal:
        await served.reload()
    assert "\n" not in str(refusal.value)
    assert await texts(served, *ALL) == before


async def test_a_model_leaves_with_its_engine_and_comes_back_with_a_new_one(
    served: VllmEngineSampler, weights_folder: Path
) -> None:
    weights = read_weights(weights_folder)
    before = await texts(served, *ALL)
    publish(weights_folder, without="alpha-0.25")
    finished = served.stats().finished
    await served.reload()
    assert served.models == ("base", "alpha-0.5")
    assert len(served._fleet.engines) == 1
    assert served.stats().finished >= finished
    with pytest.raises(ValueError, match=r"there is no model 'alpha-0.25'; there are base, alpha-0.5"):
        await collect(served, "alpha-0.25")
    write_weights(weights_folder, weights)
    await served.reload()
    assert await texts(served, *ALL) == before


async def test_curves_measured_anew_need_no_engine(served: VllmEngineSampler, weights_folder: Path) -> None:
    engines = [(engine, engine.stats().finished) for engine in served._fleet.engines]
    model = read_weights(weights_folder).model("alpha-0.25")
    publish(weights_folder, model.model_copy(update={"algorithm": "measured anew"}))
    await served.reload()
    assert served.weights is not None
    assert served.weights.model("alpha-0.25").algorithm == "measured anew"
    assert [(engine, engine.stats().finished) for engine in served._fleet.engines] == engines


async def test_an_engine_whose_process_died_is_started_again(served: VllmEngineSampler) -> None:
    before = await texts(served, "alpha-0.25")
    engine = served._fleet.served["alpha-0.25"].engine
    (process,) = engine._vllm.engine_core.resources.engine_manager.processes
    process.kill()
    with pytest.raises(Exception, match="has died"):
        await collect(served, "alpha-0.25")
    assert (await texts(served, "base"))["base"]
    assert await becomes(lambda: engine not in served._fleet._reviving, seconds=600)
    assert await texts(served, "alpha-0.25") == before
