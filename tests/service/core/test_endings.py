"""How the ending of a search is told."""

from prover.events import Ending, Finished, Progress
from prover.verdict import VerdictKind
from service.core.endings import ending


def test_a_search_whose_time_went_into_its_start_says_so() -> None:
    spent = Progress(seconds=0.1).later(9.0)
    assert (spent.seconds, spent.waited) == (9.1, 9.0)
    said = ending(Finished(Ending.SECONDS_SPENT, spent, {}))
    assert said.startswith("time is over after 9.1 s (nothing checked: the time went into starting Lean")
    assert "allow more seconds" in said


def test_a_search_that_used_its_time_tells_its_verdicts() -> None:
    finished = Finished(Ending.SECONDS_SPENT, Progress(sampled=3, checked=2, seconds=8.0), {VerdictKind.REJECTED: 2})
    assert ending(finished) == "time is over after 8.0 s (2 REJECTED)"
