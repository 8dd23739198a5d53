"""Progress of a search on stderr."""

import time
from collections.abc import Callable
from typing import Self

from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from prover.options import Budget
from prover.requests import Accepted, Event, Starting
from prover.search.search import Progress as Spent
from service.cli import common
from service.core.limits.text import printable

_SECONDS = 10.0  # between two lines


class SearchDisplay:
    """A progress bar on stderr; if stderr is not a terminal, a line every ten seconds."""

    def __init__(self, budget: Budget, clock: Callable[[], float] = time.monotonic) -> None:
        """Create a bar that is full when every sample is checked."""
        self._clock = clock
        self._told = clock()
        self._name = ""
        self._waits = False  # whether it was said that Lean starts
        self._display = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[spent]}"),
            TimeElapsedColumn(),
            console=common.stderr,
            transient=True,
            disable=not common.stderr.is_terminal,
        )
        self._task = self._display.add_task("", total=budget.samples, spent="", visible=False)

    def __enter__(self) -> Self:
        """Draw the bar."""
        self._display.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        """Remove the bar."""
        self._display.stop()

    def begin(self, name: str) -> None:
        """Start the search for this theorem."""
        self._name = printable(name)
        self._waits = False
        self._display.reset(self._task, description=self._name, spent="", visible=True)

    def report(self, event: Event) -> None:
        """Move the bar, or write a line when it is time."""
        if isinstance(event, Starting):
            self._display.update(self._task, spent=printable(event.activity))
            if self._display.disable and not self._waits:
                common.stderr.print(common.shown(f"{self._name}: {event.activity}"))
            self._waits = True
        elif isinstance(event, Accepted):
            self._display.update(self._task, spent="")
        elif isinstance(event, Spent):
            spent = f"{event.sampled} sampled, {event.checked} checked, {event.proofs} proofs"
            self._display.update(self._task, completed=event.checked, spent=spent)
            if self._display.disable and self._clock() - self._told >= _SECONDS:
                self._told = self._clock()
                common.stderr.print(common.shown(f"{self._name}: {spent}"))
