"""Runs many items: several at a time, each answered as soon as it is done."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from service.jsonl.answers import Answers
from service.jsonl.items import Item
from service.jsonl.rows import Row


@dataclass(slots=True)
class RunTally:
    """Counts of a run. `outcomes` counts answers by their `label`."""

    resumed: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    started: float = field(default_factory=time.monotonic)

    @property
    def answered(self) -> int:
        """Number of items answered by this run."""
        return self.outcomes.total()

    def summary(self, command: str) -> str:
        """Return one line for the end of a run."""
        seconds = time.monotonic() - self.started
        outcomes = ", ".join(f"{count} {label}" for label, count in self.outcomes.most_common())
        rate = f" ({self.answered / seconds:.2f}/s)" if self.answered else ""
        resumed = f", {self.resumed} answered by an earlier run" if self.resumed else ""
        return f"{command}: {self.answered} items in {seconds:.1f} s{rate}{resumed}: {outcomes or 'nothing to do'}"


async def run(
    items: Iterator[Item],
    answers: Answers,
    concurrency: int,
    answer: Callable[[Item], Awaitable[Row]],
    label: Callable[[Row], str],
    tally: RunTally,
    report: Callable[[RunTally], None],
) -> None:
    """Answer every item, `concurrency` at a time.

    Raises:
        UserError: an answer cannot be written, or the work cannot continue; written answers stay.
    """

    async def work() -> None:
        for item in items:
            row = await answer(item)
            answers.write(row)
            tally.outcomes[label(row)] += 1
            report(tally)

    workers = [asyncio.create_task(work()) for _ in range(concurrency)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
