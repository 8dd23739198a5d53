"""There are no circular imports: each module can be imported first."""

from pathlib import Path

from benchmarks import house


def test_there_are_no_circles_of_imports() -> None:
    modules = house.modules(Path(__file__).parents[2])
    assert len(modules) > 300
    assert house.circles(modules) == 0
