"""The worker's obligations for the constants that the kernel generates for an inductive type, tested with its own functions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded import EmbeddedLean
from prover.lean.runtimes.embedded.runtime import joined_program
from tests.prover.lean.runtimes.embedded.talk import Talk

pytestmark = pytest.mark.lean

LAST = "def newSafeNames"  # where the part of the worker ends that knows of inductive types


@pytest.fixture(scope="module")
def asked() -> Iterator[Talk]:
    before, found, _ = joined_program().partition(LAST)
    assert found
    before = before[: before.rindex("/--")]  # the remark on what is cut off
    embedded = EmbeddedLean(program=before + Path(__file__).with_name("obligations.lean").read_text(encoding="utf-8"))
    embedded.prepare()
    with Talk(embedded.launch([])) as talk:
        while talk.hear() != "ready":
            pass
        yield talk


# What is due: a type for every constructor and recursor, a rule for every constructor of a recursor.
@pytest.mark.parametrize(
    ("name", "due"),
    [("Nat", 5), ("List", 5), ("Option", 5), ("And", 3), ("Or", 5), ("Eq", 3), ("Prod", 3), ("Acc", 3)],
)
def test_what_the_kernel_made_fulfils_the_demands_and_what_has_another_type_does_not(
    asked: Talk, name: str, due: int
) -> None:
    assert asked.ask(name) == f"{due} fulfilled; {due - 1} of {due - 1} exchanged; all: refused"


def test_exchanged_constructors_of_one_type_fulfil_each_other_s_demands(asked: Talk) -> None:
    assert asked.ask("Bool") == "5 fulfilled; 3 of 4 exchanged; all: refused"


def test_nested_types_have_demands_for_their_further_recursors(asked: Talk) -> None:
    first, _, rest = asked.ask("Lean.Syntax").partition(" ")
    assert int(first) > 2 * 4 + 1, "recursors of List and Array within Syntax are among them"
    assert rest.startswith("fulfilled; ")
    assert rest.endswith("all: refused")
