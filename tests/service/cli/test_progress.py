"""What `prove` prints while it runs, where stderr is no terminal."""

from collections.abc import AsyncIterator
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from prover.assistance import fill
from prover.assistance.holes import Filled, FillEvent, HoleOutcome, HoleStarted, holes_of
from prover.events import Progress
from prover.options import Budget, SearchOptions
from prover.requests import Service, Starting
from prover.source.lean_file import parse
from service.cli import common
from service.cli.commands.proving import prove
from service.cli.progress import SearchDisplay


def test_progress_without_a_terminal_is_a_line_every_ten_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with SearchDisplay(Budget(), lambda: now[0]) as display:
        display.begin("swap")
        for now[0] in (5.0, 10.0, 15.0, 19.0, 20.0):
            display.report(Progress(sampled=int(now[0]), checked=3))
    assert capsys.readouterr().err.splitlines() == [
        "swap: 10 sampled, 3 checked, 0 proofs",
        "swap: 20 sampled, 3 checked, 0 proofs",
    ]


def test_a_start_of_lean_is_told_once_for_each_search(capsys: pytest.CaptureFixture[str]) -> None:
    with SearchDisplay(Budget()) as display:
        for name in ("one", "two"):
            display.begin(name)
            for seconds in (1.0, 2.0):
                display.report(Starting("Lean starts with these imports", seconds))
    assert capsys.readouterr().err.splitlines() == [
        "one: Lean starts with these imports",
        "two: Lean starts with these imports",
    ]


def test_the_preparation_of_lean_is_a_line_for_each_activity(capsys: pytest.CaptureFixture[str]) -> None:
    with common.preparing() as report:
        for done in (1, 2):
            report("unpacking Lean", done, 2)
        report("building an image of Lean with Init Std", 0, 0)
    assert capsys.readouterr().err.splitlines() == ["unpacking Lean", "building an image of Lean with Init Std"]


async def test_the_result_for_a_theorem_is_printed_before_the_next_search(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The results of a file were printed only when its last search had ended."""
    file = parse("theorem one : 1 = 1 := sorry\n\ntheorem two : 2 = 2 := sorry\n")
    said: list[str] = []

    async def filled(*_: object) -> AsyncIterator[FillEvent]:
        for hole in holes_of(file):
            yield HoleStarted(hole)
            said.append(capsys.readouterr().out)
            yield HoleOutcome(hole)
        yield Filled(file, (), ())

    monkeypatch.setattr(fill, "fill", filled)
    path, options = Path("F.lean"), SearchOptions()
    with SearchDisplay(options.budget) as display:
        await prove._fill(AsyncMock(Service), path, file, holes_of(file), options, display)
    assert said == ["", "F.lean:1: one: no proof: no tactic closes the goal\n"]
