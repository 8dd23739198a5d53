"""Lean problems for `verifiers` and prime-rl: a taskset whose reward is a leansieve server's verdict (lean_reward.py).

    uv run eval lean_taskset --env.taskset.path problems.jsonl      # with this folder on the path, and a server at LEANSIEVE_URL

`path` is a file of problems (problems.py). If the server reaches no verdict on a sample,
its trace ends with an error and without a reward: the sample does not count as a wrong proof.
"""

from collections.abc import Iterator
from pathlib import Path

import verifiers.v1 as vf
from lean_reward import grade, prompt
from problems import read_problems


class LeanData(vf.TaskData):
    """A problem with its prompt."""

    problem: str
    """The Lean file."""


class LeanTask(vf.Task[LeanData]):
    """One problem."""

    @vf.reward
    async def verified(self, trace: vf.Trace) -> float:
        """Return 1 if the kernel accepted the reply's proof of exactly this statement, else 0."""
        return (await grade(self.data.problem, trace.last_reply)).reward


class LeanTasksetConfig(vf.TasksetConfig):
    """Options of the taskset."""

    path: Path = Path(__file__).with_name("problems.jsonl")
    """Problems, one JSON object a line."""


class LeanTaskset(vf.Taskset[LeanTask, LeanTasksetConfig]):
    """The problems of a file."""

    def load(self) -> Iterator[LeanTask]:
        """Yield the problems in the order of the file."""
        for one in read_problems(self.config.path):
            data = LeanData(id=one.id, problem=one.problem, prompt=prompt(one.problem))
            yield LeanTask(data, self.config.task)


__all__ = ["LeanTaskset"]
