#!/bin/sh
# verifiers 0.4.0: a reward that is no number is taken, and the trace that holds it cannot be read back from its own JSON.
#
# A reward function returns NaN. `Task.score` records it and raises nothing (a reward of None is refused with a TaskError); the trace's reward
# is NaN. `model_dump_json` writes null for it, and `model_validate_json` of that very text refuses it, since a score must be a number: a file of
# traces with one such line cannot be read. An infinite reward does the same. Expected: an error of the task where the reward was given, as
# for None, so that the sample has no reward and the others are kept.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check verifiers==0.4.0
cd "$folder"
cat >look.py <<'EOF'
import asyncio
import math

import verifiers.v1 as vf
from pydantic import ValidationError


class Data(vf.TaskData):
    pass


def giving(reward: object) -> vf.Task:
    class Task(vf.Task[Data]):
        @vf.reward
        async def measured(self, trace: vf.Trace) -> float:
            return reward

    return Task(Data(id="a", prompt="p"), vf.TaskConfig())


async def look(name: str, reward: object) -> None:
    task = giving(reward)
    node = vf.MessageNode(parent=None, message=vf.AssistantMessage(content="a"), sampled=True)
    trace = vf.Trace(
        task=vf.TraceTask(type="Task", data=task.data), agent=vf.AgentInfo(config=vf.AgentConfig()), nodes=[node]
    )
    try:
        await task.score(trace)
    except vf.TaskError:
        print(name, "is refused")
        return
    try:
        back = vf.Trace.model_validate_json(trace.model_dump_json())
    except ValidationError as error:
        print(name, "is taken; reading the trace back:", error.errors()[0]["msg"])
        return
    print(name, "is taken; reading the trace back:", back.reward)


for name, reward in (("0.5", 0.5), ("NaN", math.nan), ("infinity", math.inf), ("None", None)):
    asyncio.run(look(name, reward))
EOF
seen=$(venv/bin/python look.py)
expected="0.5 is taken; reading the trace back: 0.5
NaN is taken; reading the trace back: Input should be a valid number
infinity is taken; reading the trace back: Input should be a valid number
None is refused"
printf '%s\n' "$seen"
test "$seen" = "$expected" || { printf 'this has changed; it was:\n%s\n' "$expected" >&2; exit 1; }
