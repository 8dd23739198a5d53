"""Lines of progress."""

from training.progress import ProgressReporter


def lines(total: int, seconds: float) -> list[str]:
    reported: list[str] = []
    progress = ProgressReporter(total, "theorems", reported.append, seconds)
    for number in range(1, total + 1):
        progress.advance(lambda number=number: f"{number} proved")  # type: ignore[misc]
    return reported


def test_each_item_is_reported_where_no_time_must_pass() -> None:
    assert [line.rpartition(", ")[0] for line in lines(3, 0.0)] == [
        "1/3 theorems, 1 proved",
        "2/3 theorems, 2 proved",
        "3/3 theorems, 3 proved",
    ]


def test_the_last_item_is_reported_however_soon() -> None:
    assert lines(3, 3600.0) == ["3/3 theorems, 3 proved, 0:00:00 left"]
