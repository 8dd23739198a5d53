"""A real `vllm serve` over HTTP; a relay in front of it is killed."""

import asyncio
import importlib.util
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import pytest_asyncio
from pydantic import SecretStr

from prover.candidate import Candidate
from prover.sampling.remote.vllm_server import RemoteServerSettings, VllmServerSampler, _cut
from prover.sampling.sampler import ProofModel, SamplerUnavailableError, SamplingParams
from prover.sampling.vllm.vllm_engine import VllmEngineSampler
from prover.sampling.weights import WeightsError, read_weights
from prover.theorem import Theorem
from tests.support.models.vllm_serve import KEY, Relay
from tests.support.ports import free_port
from tests.support.waiting import becomes

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

THEOREM = Theorem("theorem u (n : Nat) : n = n")
SHORT = SamplingParams(samples=8, max_tokens=24, seed=7)
LONG = SamplingParams(samples=32, max_tokens=200, seed=7)
SETTINGS = RemoteServerSettings(api_key=SecretStr(KEY), health_seconds=0.2)


@pytest.fixture(scope="session")
def server(vllm_server: str) -> str:
    return vllm_server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def remote(server: str) -> AsyncIterator[VllmServerSampler]:
    sampler = VllmServerSampler([f"{server}/v1"], SETTINGS)
    await sampler.start()
    yield sampler
    await sampler.close()


async def collect(sampler: ProofModel, params: SamplingParams) -> list[Candidate]:
    return sorted([c async for c in sampler.sample(THEOREM, params)], key=lambda c: c.seed or 0)


async def running_on(server: str) -> float:
    """Sequences that the server itself says it works on or keeps waiting."""
    async with httpx.AsyncClient(headers={"Authorization": f"Bearer {KEY}"}) as http:
        lines = (await http.get(f"{server}/metrics")).text.splitlines()
    names = ("vllm:num_requests_running", "vllm:num_requests_waiting{")
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(names))


async def test_a_server_samples_what_the_same_model_samples_in_this_process(
    remote: VllmServerSampler, sampler: VllmEngineSampler
) -> None:
    for params in (SHORT, replace(SHORT, temperature=0.7, top_p=0.9)):
        here, there = await collect(sampler, params), await collect(remote, params)
        assert [(c.text, c.tokens, c.seed, c.source) for c in there] == [
            (c.text, c.tokens, c.seed, "model:base") for c in here
        ]
        assert [c.log_prob for c in there] == pytest.approx([c.log_prob for c in here], abs=1e-3)


async def test_a_proof_is_continued_as_in_this_process(remote: VllmServerSampler, sampler: VllmEngineSampler) -> None:
    lines = [
        [c.text async for c in one.continue_proof(THEOREM, "by\n  intro x", replace(SHORT, samples=1, temperature=0))]
        for one in (remote, sampler)
    ]
    assert lines[0] == lines[1]
    assert len(lines[0]) == 1


async def test_a_server_lists_its_models_and_any_of_them_can_be_asked(remote: VllmServerSampler) -> None:
    assert remote.models == ("base", "again")
    (candidate,) = await collect(remote, replace(SHORT, samples=1, model="again"))
    assert candidate.source == "model:again"
    with pytest.raises(ValueError, match="there is no model 'other'; there are base, again"):
        await collect(remote, replace(SHORT, model="other"))


def test_an_answer_is_cut_at_a_stop_text_that_its_server_was_not_told() -> None:
    choice = {
        "text": " by simp\nopen Nat\n#eval 1",
        "logprobs": {"token_logprobs": [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0], "text_offset": [0, 3, 8, 9, 14, 18]},
    }
    # The tokens that made the stop text count, as they do in vLLM.
    assert _cut(choice, ("\n#", "\nopen ")) == (" by simp", [-1.0, -2.0, -3.0, -4.0])
    assert _cut(choice, ("\nend ",)) == (choice["text"], [-1.0, -2.0, -3.0, -4.0, -5.0, -6.0])


async def test_a_manifest_tells_the_names_that_must_be_served(server: str, weights_folder: Path) -> None:
    weights = read_weights(weights_folder)
    sampler = VllmServerSampler([server], SETTINGS, weights)
    with pytest.raises(
        SamplerUnavailableError, match=r"no vLLM server serves the model 'alpha-0.25'; they serve base, again"
    ):
        await sampler.start()
    with pytest.raises(WeightsError, match=r"alpha-0.25"):
        await sampler.reload()
    await sampler.close()


async def test_what_was_done_is_counted(remote: VllmServerSampler) -> None:
    before = remote.stats()
    candidates = await collect(remote, SHORT)
    after = remote.stats()
    assert after.finished - before.finished == 8
    assert after.delivered_tokens - before.delivered_tokens == sum(c.tokens for c in candidates)
    assert after.running == 0


@pytest.mark.parametrize("how", ["close", "cancel"])
async def test_leaving_the_stream_aborts_its_requests_on_the_server(
    remote: VllmServerSampler, server: str, how: str
) -> None:
    async def read() -> None:
        async for _ in remote.sample(THEOREM, LONG):
            pass

    reader = asyncio.create_task(read())
    stream = remote.sample(THEOREM, LONG)
    if how == "close":
        reader.cancel()
        await anext(stream)
        await stream.aclose()
    else:
        assert await becomes(lambda: remote.stats().running > 0)
        reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reader
    assert remote.stats().running == 0
    for _ in range(100):
        if not await running_on(server):
            break
        await asyncio.sleep(0.05)
    assert await running_on(server) == 0


async def test_requests_spread_over_servers_and_move_on_when_one_dies(server: str, remote: VllmServerSampler) -> None:
    relays = [Relay(urlsplit(server).port or 0) for _ in range(2)]
    for relay in relays:
        await relay.open()
    sampler = VllmServerSampler([relay.url for relay in relays], SETTINGS)
    await sampler.start()
    reader = asyncio.create_task(collect(sampler, LONG))
    assert await becomes(lambda: all(endpoint.running >= 8 for endpoint in sampler.endpoints))
    await relays[0].cut()
    candidates = await reader
    # Not one is lost, and each is what its seed says.
    assert [c.seed for c in candidates] == list(range(7, 39))
    assert [c.text for c in candidates] == [c.text for c in await collect(remote, LONG)]
    assert [endpoint.healthy for endpoint in sampler.endpoints] == [False, True]
    # It comes back and is used again.
    await relays[0].open()
    assert await becomes(lambda: all(endpoint.healthy for endpoint in sampler.endpoints))
    before = relays[0].carried
    await collect(sampler, SHORT)
    assert relays[0].carried > before
    # Without any server, one sentence says who was asked.
    for relay in relays:
        await relay.cut()
    with pytest.raises(
        SamplerUnavailableError, match=r"^no vLLM server can answer: http://127.0.0.1:\d+ cannot be reached"
    ):
        await collect(sampler, SHORT)
    await sampler.close()


async def test_a_wrong_key_is_said_in_one_sentence(server: str) -> None:
    sampler = VllmServerSampler([server], replace(SETTINGS, api_key=SecretStr("wrong")))
    with pytest.raises(SamplerUnavailableError, match="refuses the API key") as refusal:
        await sampler.start()
    assert "wrong" not in str(refusal.value)
    await sampler.close()


async def test_nobody_at_the_address_is_said_in_one_sentence() -> None:
    sampler = VllmServerSampler([f"http://127.0.0.1:{free_port()}"], SETTINGS)
    with pytest.raises(SamplerUnavailableError, match=r"no vLLM server can answer: .* cannot be reached"):
        await sampler.start()
    await sampler.close()


@pytest.mark.parametrize("urls", [[], ["localhost:8000"], ["file:///etc/passwd"]])
def test_an_address_that_is_none_is_refused(urls: list[str]) -> None:
    with pytest.raises(ValueError, match="address of a vLLM server"):
        VllmServerSampler(urls, SETTINGS)


async def test_a_theorem_longer_than_the_context_is_refused_in_one_sentence(remote: VllmServerSampler) -> None:
    with pytest.raises(ValueError, match=r"too long for base: \d+ tokens"):
        await anext(remote.sample(Theorem("theorem t : " + "x = y ∧ " * 400), SHORT))
