"""Models behind gRPC: real vLLM with random weights, shared with all other tests of it, and real Lean."""

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from prover.errors import InputError
from prover.lean.workers.pool import WorkerPool
from prover.options import Budget, Sampling, SearchOptions
from prover.requests import ModelState, RefusedError, Search, UnavailableError
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.sampling.weights import Curve, read_weights, write_weights
from prover.search.search import Finished
from prover.theorem import Theorem
from service.client.client import Client
from service.core.engine import Engine
from service.core.resources import models
from service.ops.config import Settings
from service.server import listening
from tests.support.models.tiny_llama import make_checkpoint
from tests.support.models.tiny_weights import describe, given_back
from tests.support.models.vllm_serve import KEY, Relay, free_port
from tests.support.waiting import becomes

pytestmark = [
    pytest.mark.lean,
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

# It is false: whatever the model writes, the search goes on until its samples are spent.
FALSE = Theorem("theorem wrong (a b : Nat) : a + b = b + a + 1")


class Lent(VllmEngineSampler):
    """A sampler that somebody else starts and closes."""

    def __init__(self, sampler: VllmEngineSampler) -> None:
        self.__dict__ = sampler.__dict__

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass


@contextlib.asynccontextmanager
async def serving(settings: Settings, pool: WorkerPool) -> AsyncIterator[Client]:
    engine = Engine(settings, pool)
    try:
        await engine.start()
        async with (
            listening(engine, settings, asyncio.Event()) as (address, state),
            Client(address, settings) as client,
        ):
            await state.report(serving=True)
            yield client
    finally:
        await engine.close()


@pytest_asyncio.fixture(loop_scope="session")
async def client(
    sampler: VllmEngineSampler, weights_folder: Path, lean_pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Client]:
    """Asks a server of the engines of all tests, which are given back with the weights they had."""
    monkeypatch.setattr(models, "_sampler", lambda *_: Lent(sampler))
    async with given_back(sampler, weights_folder), serving(settings(path=weights_folder), lean_pool) as client:
        yield client


def settings(**model: object) -> Settings:
    return Settings.model_validate({"server": {"listen": "127.0.0.1:0"}, "model": model})


async def spent(client: Client, sampling: Sampling, samples: int = 4) -> Finished:
    search = Search(
        FALSE, SearchOptions(Budget(samples, seconds=300), sampler="model", sampling=sampling, strategy="independent")
    )
    finished = [event async for event in client.prove(search)][-1]
    assert isinstance(finished, Finished)
    return finished


def curve(first: float, all_four: float) -> Curve:
    return Curve(
        corpus="measured",
        theorems=10,
        samples=4,
        temperature=1.0,
        max_tokens=64,
        pass_at_k={1: first, 4: all_four},
        command="-",
    )


async def test_focus_goes_to_the_model_that_was_measured_best_for_it(
    client: Client, sampler: VllmEngineSampler, weights_folder: Path
) -> None:
    assert [model.curves for model in (await client.info()).models] == [(), (), ()]
    weights = read_weights(weights_folder)
    measured = {"base": curve(0.5, 0.5), "alpha-0.25": curve(0.1, 0.9), "alpha-0.5": curve(0.0, 0.0)}
    with_curves = tuple(model.model_copy(update={"curves": (measured[model.name],)}) for model in weights.models)
    write_weights(weights_folder, weights.model_copy(update={"models": with_curves}))
    assert [model.curves[0].points for model in await client.reload()] == [
        ((1, 0.5), (4, 0.5)),
        ((1, 0.1), (4, 0.9)),
        ((1, 0.0), (4, 0.0)),
    ]
    engines = [sampler._fleet.served[name].engine for name in ("base", "alpha-0.25")]
    for sampling, asked in [
        (Sampling(focus=1.0, max_tokens=8), [4, 0]),
        (Sampling(focus=0.0, max_tokens=8), [0, 4]),
        (Sampling(alpha=0.25, max_tokens=8), [0, 4]),
        (Sampling(alpha=0.5, max_tokens=8), [4, 0]),  # the adapter is on the base's engine
    ]:
        before = [engine.stats().finished for engine in engines]
        assert (await spent(client, sampling)).spent.sampled == 4
        assert [engine.stats().finished - old for engine, old in zip(engines, before, strict=True)] == asked
    with pytest.raises(InputError, match=r"no model was tuned at α = 0\.9; there is 0\.25, 0\.5"):
        await spent(client, Sampling(alpha=0.9))


async def test_reload_takes_new_weights_in_and_refuses_others_without_losing_the_old(
    client: Client, weights_folder: Path
) -> None:
    before = (await client.info()).models
    assert [(model.name, model.alpha, model.state) for model in before] == [
        ("base", None, ModelState.SERVED),
        ("alpha-0.25", 0.25, ModelState.SERVED),
        ("alpha-0.5", 0.5, ModelState.SERVED),
    ]
    weights = read_weights(weights_folder)
    make_checkpoint(weights_folder / "newer", seed=5)
    newer = describe(weights_folder, "alpha-0.25", "newer", alpha=0.25)
    base, tuned, adapter = weights.models
    write_weights(weights_folder, weights.model_copy(update={"models": (base, newer, adapter)}))
    after = await client.reload()
    assert after == (await client.info()).models
    assert [old.digest == new.digest for old, new in zip(before, after, strict=True)] == [True, False, True]
    assert (await spent(client, Sampling(model="alpha-0.25", max_tokens=8))).spent.sampled == 4
    # What its trainer did not measure is refused, and the newer weights are served on.
    wrong = tuned.model_copy(update={"probe": base.probe})
    write_weights(weights_folder, weights.model_copy(update={"models": (base, wrong, adapter)}))
    with pytest.raises(RefusedError, match=r"the old ones are served on: .* a log-probability differs by"):
        await client.reload()
    assert (await client.info()).models == after
    write_weights(weights_folder, weights)
    assert await client.reload() == before


async def test_remote_servers_are_asked_in_turn_and_a_dead_one_is_passed_over(
    vllm_server: str, lean_pool: WorkerPool
) -> None:
    relay = Relay(urlsplit(vllm_server).port or 0)
    await relay.open()
    nobody = f"http://127.0.0.1:{free_port()}"
    remote = {"urls": [nobody, relay.url, vllm_server], "api_key": KEY, "health_seconds": 0.2}
    async with serving(settings(remote=remote), lean_pool) as client:
        assert [(model.name, model.state) for model in (await client.info()).models] == [
            ("base", ModelState.SERVED),
            ("again", ModelState.SERVED),
        ]
        searching = asyncio.create_task(spent(client, Sampling(max_tokens=64), samples=24))
        assert await becomes(lambda: relay.connections > 0)
        await relay.cut()
        finished = await searching
        assert (finished.spent.sampled, finished.spending[0].sampled) == (24, 24)
        with pytest.raises(InputError, match=r"there is no model 'x'; there is base, again"):
            await spent(client, Sampling(model="x"))
    # A server without any that answers says whom it asked.
    with pytest.raises(UnavailableError, match=r"no vLLM server can answer: http://127\.0\.0\.1:\d+ cannot be reached"):
        async with serving(settings(remote=remote | {"urls": [nobody]}), lean_pool):
            pass


@pytest.mark.slow
async def test_the_shipped_base_on_a_server_elsewhere_proves(tmp_path: Path, lean_pool: WorkerPool) -> None:
    from prover.sampling.weights import SHIPPED
    from tests.support.models.vllm_serve import serving as vllm_serve

    nobody = f"http://127.0.0.1:{free_port()}"
    with vllm_serve(SHIPPED / "base", tmp_path / "log") as url:
        remote = {"urls": [nobody, url], "api_key": KEY, "model": "base"}
        async with serving(settings(remote=remote), lean_pool) as client:
            theorem = Theorem("theorem swap (a b : Nat) : a + b = b + a")
            events = [
                event
                async for event in client.prove(
                    Search(theorem, SearchOptions(Budget(64, seconds=300), sampler="model"))
                )
            ]
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.proofs[0].candidate.source == "model:base"
    assert finished.proofs[0].verdict.verified
