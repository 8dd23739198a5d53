"""LeanCopilot's API for external generators: takes a goal, returns tactics with scores."""

import json

from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, ValidationError

from leansieve.v1 import suggest_pb2
from prover.errors import InputError
from prover.requests import BusyError

OUR_NAME = "leansieve"


class GenerateRequest(BaseModel):
    """A goal to suggest tactics for."""

    model_config = ConfigDict(strict=True, use_attribute_docstrings=True)

    name: str = ""
    """Name of a served model; if empty or `leansieve`, the server chooses."""
    input: str
    """The goal as Lean prints it; if there are several, tactics are for the first."""
    prefix: str = ""
    """Required beginning of the tactics."""


class Generation(BaseModel):
    """A tactic that ran on the goal without an error."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    output: str
    score: float
    """1 for the best, 1/2 for the next, and so on, because LeanCopilot interprets scores as probabilities."""


class GenerateResponse(BaseModel):
    """Tactics, best first: closing ones precede the others."""

    outputs: list[Generation]


def read(data: bytes) -> suggest_pb2.SuggestTacticsRequest:
    """Convert to a request of our contract.

    Raises:
        InputError: it is not a request of LeanCopilot.
    """
    try:
        asked = GenerateRequest.model_validate_json(data)
        request = suggest_pb2.SuggestTacticsRequest(prefix=asked.prefix)
        request.goal.goal = asked.input
        if asked.name not in ("", OUR_NAME):
            request.sampling.model = asked.name
    except ValidationError as error:
        found = tuple((str(one["loc"][0]) if one["loc"] else "request", one["msg"]) for one in error.errors()[:3])
        raise InputError(found[0][0], f"{found[0][0]}: {found[0][1]}", found) from None
    except UnicodeEncodeError:
        raise InputError("request", "a text holds a lone surrogate: send UTF-8") from None
    return request


def write(response: Message) -> str:
    """Convert to a response of LeanCopilot.

    Raises:
        BusyError: the time was over before a tactic was found; LeanCopilot's API has no other way to say so.
    """
    assert isinstance(response, suggest_pb2.SuggestTacticsResponse)
    if response.timed_out and not response.suggestions:
        text = "the time was over before a tactic was found: give it more time"
        raise BusyError(text, 1.0)
    outputs = [{"output": one.tactic, "score": 1 / rank} for rank, one in enumerate(response.suggestions, 1)]
    return json.dumps({"outputs": outputs}, ensure_ascii=False)
