"""Lean problems for NeMo Gym: a resources server whose reward is a leansieve server's verdict (lean_reward.py).

    python lean_gym.py problems.jsonl > rows.jsonl      # a file of problems (problems.py) as Gym's rows

`lean_gym.yaml` is its configuration for `ng_run`, with a leansieve server at LEANSIEVE_URL. If the server reaches no verdict on a sample,
the answer has status 503 and no reward: the sample does not count as a wrong proof.
"""

import json
import sys
from pathlib import Path

from fastapi import HTTPException
from lean_reward import UnmeasuredError, grade, prompt
from nemo_gym.base_resources_server import (
    BaseResourcesServerConfig,
    BaseVerifyRequest,
    BaseVerifyResponse,
    SimpleResourcesServer,
)
from problems import read_problems


class LeanVerifyRequest(BaseVerifyRequest):
    """A reply of the model, with its row's problem."""

    problem: str
    """The Lean file."""


class LeanVerifyResponse(BaseVerifyResponse, LeanVerifyRequest):
    """The reward with its reason."""

    why: str
    """One sentence."""


class LeanResourcesServer(SimpleResourcesServer):
    """Grades replies."""

    config: BaseResourcesServerConfig

    async def verify(self, body: LeanVerifyRequest) -> LeanVerifyResponse:
        """Return 1 if the kernel accepted the reply's proof of exactly the row's statement, else 0."""
        try:
            graded = await grade(body.problem, body.response.output_text)
        except UnmeasuredError as error:
            raise HTTPException(503, str(error)) from error
        return LeanVerifyResponse(**body.model_dump(), reward=graded.reward, why=graded.why)


def rows(path: Path) -> None:
    """Print the problems of a file as Gym's rows."""
    for one in read_problems(path):
        asked = {"input": [{"role": "user", "content": prompt(one.problem)}]}
        print(json.dumps({"responses_create_params": asked, "id": one.id, "problem": one.problem}, ensure_ascii=False))


if __name__ == "__main__":
    if sys.argv[1:]:
        rows(Path(sys.argv[1]))
    else:
        LeanResourcesServer.run_webserver()
