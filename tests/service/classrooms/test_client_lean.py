"""Classrooms by the methods of `Client`, with a real Lean and a real store behind them."""

import re

import pytest

from prover.errors import InputError
from prover.requests import LateError
from prover.theorem import Theorem
from prover.tutor.hints import HintOutcome, Level
from service.classrooms.classroom import ClassroomTheorem, NoClassroomError
from service.client.client import Client

pytestmark = pytest.mark.lean

SWAP = ClassroomTheorem("swap", Theorem("theorem swapped (p q : Prop) (h : p ∧ q) : q ∧ p"), ("⟨h.2, h.1⟩",))
HALF = "by\n  constructor\n  · exact h.right\n  · "


async def test_a_teacher_and_a_learner_by_the_methods_of_the_client(lean_client: Client) -> None:
    rooms = lean_client.classrooms
    opened = await rooms.open("logic", [SWAP], seconds=600)
    assert opened.theorems == (SWAP,)
    assert opened.expires - opened.created == pytest.approx(600)
    key = await rooms.join(opened.code, "Zoë \N{FAMILY}")
    first = await rooms.hint(key, "swap", HALF)
    assert first.hint is not None
    assert (first.outcome, first.hint.level) == (HintOutcome.HINT, Level.QUESTION)
    assert (await rooms.hint(key, "swap", HALF, wanted=False)).outcome is HintOutcome.READ
    work = await rooms.work(key)
    assert (work.label, work.learner.name, work.expires) == ("logic", "Zoë \N{FAMILY}", opened.expires)
    assert [(one.theorem, one.proofs) for one in work.theorems] == [(SWAP.theorem, ())]
    (learner,) = [one async for one in rooms.learners(opened.id)]
    (attempt,) = (await rooms.learner(opened.id, learner.id)).attempts
    assert (attempt.theorem, attempt.proof, attempt.hints, attempt.highest) == ("swap", HALF, 1, Level.QUESTION)
    assert attempt.finished is None
    other = await rooms.join(opened.code, "Bob")
    assert (await rooms.find(opened.id)).learners == 2
    await rooms.leave(other)
    await rooms.remove(opened.id, learner.id)
    for gone in (rooms.work(key), rooms.leave(other)):
        with pytest.raises(NoClassroomError, match="no learner has this key"):
            await gone
    await rooms.delete(opened.id)
    with pytest.raises(NoClassroomError):
        await rooms.find(opened.id)


@pytest.mark.parametrize(
    ("mark", "told"), [("\u202e", "U+202E"), ("\n", "U+000A"), ("\x1b", "U+001B"), ("\u2028", "U+2028")]
)
async def test_names_are_one_line_that_reads_as_it_looks(lean_client: Client, mark: str, told: str) -> None:
    rooms = lean_client.classrooms
    name = f"Ann{mark}Bob"
    with pytest.raises(InputError, match=re.escape(f"the label holds {told} at character 3: it is one line")):
        await rooms.open(name, [SWAP])
    with pytest.raises(InputError, match="the id holds U"):
        await rooms.open("logic", [ClassroomTheorem(name, SWAP.theorem)])
    with pytest.raises(InputError, match="the display name holds U"):
        await rooms.join("0000-0000-0000-0000", name)


async def test_a_proof_that_takes_too_long_to_read_is_not_told_to_come_again(lean_client: Client) -> None:
    rooms = lean_client.classrooms
    opened = await rooms.open("logic", [SWAP])
    key = await rooms.join(opened.code, "Ann")
    with pytest.raises(LateError, match="give it more time, or make it shorter"):
        await rooms.hint(key, "swap", HALF, seconds=0.001)
