"""Concurrent trials of tactics, without Lean."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from typing import cast

import pytest

from prover.assistance.place import Place
from prover.assistance.suggest import Suggest, Suggestion, TacticScript
from prover.assistance.suggester import Lean, Proposal, Suggester
from prover.lean.checker import Terms
from prover.theorem import Theorem


class OneWorker:
    size = 1


class WithoutLean(Suggester):
    """Every tactic changes nothing, at once."""

    async def _attempt(self, proposal: Proposal, place: Place, goals: tuple[str, ...]) -> Suggestion | None:
        await asyncio.sleep(0)
        return None


async def proposals() -> AsyncIterator[Proposal]:
    for number in itertools.count():
        await asyncio.sleep(0)
        yield Proposal(f"exact {number}", 0.0, "rule")


@pytest.mark.parametrize("turns", range(1, 12))
async def test_tries_that_are_ended_while_tactics_are_proposed_all_end(turns: int) -> None:
    suggester = WithoutLean(cast(Lean, OneWorker()), Suggest(TacticScript(Theorem("theorem t : True"))), Terms())
    trying = asyncio.create_task(suggester._try_all([proposals()], cast(Place, None), ("⊢ True",)))
    for _ in range(turns):
        await asyncio.sleep(0)
    trying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await trying
