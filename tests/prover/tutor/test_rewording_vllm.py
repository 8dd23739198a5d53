"""A real `vllm serve` rewords a hint: its texts are subject to the vetoes; if none passes, the template is used."""

import asyncio
import importlib.util
from collections import Counter

import pytest
from pydantic import SecretStr

from prover.sampling.sampler import SamplerUnavailableError
from prover.tutor.hints import Veto
from prover.tutor.wording.phrasing import MOST_REVISIONS
from prover.tutor.wording.remote import RemotePhraser
from prover.tutor.wording.rewording import reworded
from tests.prover.tutor.test_rewording import TEMPLATE, at
from tests.support.models.vllm_serve import KEY
from tests.support.ports import free_port

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.timeout(1200),
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]


async def test_a_model_that_knows_no_english_leaves_the_template(vllm_server: str) -> None:
    phraser = RemotePhraser([vllm_server], SecretStr(KEY), "", 60.0)
    await phraser.start()
    raised = Counter[Veto]()
    assert await phraser.reword(TEMPLATE, {}) == await phraser.reword(TEMPLATE, {}), (
        "a seed of its own for each revision"
    )
    assert await reworded(phraser, TEMPLATE, at(), raised, 120.0) is None
    assert raised == {Veto.FALSE_CLAIM: 1 + MOST_REVISIONS}
    await phraser.close()


async def test_servers_that_are_away_leave_the_template_and_are_asked_again(vllm_server: str) -> None:
    phraser = RemotePhraser([f"http://127.0.0.1:{free_port()}", vllm_server], SecretStr(KEY), "no such", 60.0)
    await asyncio.wait_for(phraser.start(), 60)
    with pytest.raises(SamplerUnavailableError, match="no vLLM server can answer"):
        await phraser.reword(TEMPLATE, {})
    assert await reworded(phraser, TEMPLATE, at(), Counter(), 60.0) is None
    await phraser.close()
