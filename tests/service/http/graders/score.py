"""Run where `verifiers` is installed: the rewards that it gives to replies, as JSON on stdout; `-` stands for an error."""

import asyncio
import json
import sys

import verifiers.v1 as vf
from lean_taskset import LeanTaskset, LeanTasksetConfig


async def score(task: vf.Task, reply: str) -> float | str:
    node = vf.MessageNode(parent=None, message=vf.AssistantMessage(content=reply), sampled=True)
    trace = vf.Trace(
        task=vf.TraceTask(type="LeanTask", data=task.data), agent=vf.AgentInfo(config=vf.AgentConfig()), nodes=[node]
    )
    try:
        await task.score(trace)
    except vf.TaskError:
        return "-"
    return trace.reward


async def main() -> None:
    tasks = {task.data.id: task for task in LeanTaskset(LeanTasksetConfig())}
    asked = json.load(sys.stdin)
    json.dump([await score(tasks[one["id"]], one["reply"]) for one in asked], sys.stdout)


asyncio.run(main())
