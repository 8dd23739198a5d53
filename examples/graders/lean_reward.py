"""The reward of a model's proof: 1 if a leansieve server verified that it solves the problem, else 0. A solution that only compiles earns 0.

    leansieve serve --http 127.0.0.1:8061

A problem is a Lean file whose theorem is left `sorry`; a model's answer is a Lean file, or has one in its last ```lean block. The server
compares statements and has the kernel replay the proof, so an added axiom, another statement under the same name, or a hidden
`sorry` earns nothing. `LEANSIEVE_URL` and `LEANSIEVE_TOKEN` are the address of the server and the token of the caller.
"""

import os
import re
from dataclasses import dataclass

import httpx

_BLOCK = re.compile(r"```(?:lean4?)?[ \t]*\n(.*?)```", re.DOTALL)
_SECONDS = 600.0
_PROMPT = "Prove the theorem. Answer with the whole Lean 4 file in a ```lean block, without `sorry`."


class UnmeasuredError(Exception):
    """The server reached no verdict: the sample has no reward, which differs from the reward 0."""


@dataclass(frozen=True)
class Grade:
    """A reward with its reason."""

    reward: float
    why: str


def prompt(problem: str) -> str:
    """Return the prompt for a problem."""
    return f"{_PROMPT}\n\n```lean\n{problem}```"


def code_of(reply: str) -> str:
    """Return the Lean file in a reply: its last fenced block, or all of it."""
    blocks = _BLOCK.findall(reply)
    return str(blocks[-1]) if blocks else reply


async def grade(problem: str, reply: str) -> Grade:
    """Grade a reply.

    Args:
        problem: a Lean file with the theorem to prove, and `sorry` as its proof.
        reply: the model's reply.

    Raises:
        UnmeasuredError: the server cannot be reached or is busy, or the problem is invalid.
    """
    code = code_of(reply)
    if not code.strip():
        return Grade(0.0, "the reply holds no Lean file")
    if re.search("[\ud800-\udfff]", code):
        return Grade(0.0, "the reply is not Unicode text")
    url, token = os.environ.get("LEANSIEVE_URL", "http://127.0.0.1:8061"), os.environ.get("LEANSIEVE_TOKEN")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_SECONDS) as client:
            answer = await client.post("/v1/check-solution", json={"challenge": problem, "solution": code})
    except httpx.HTTPError as error:
        raise UnmeasuredError(f"{url} does not answer: {error!r}") from error
    body = answer.json()
    if answer.status_code != httpx.codes.OK:
        fields = [one.get("field") for detail in body["error"]["details"] for one in detail.get("fieldViolations", ())]
        too_long = answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE and len(code) > len(problem)
        if fields == ["solution"] or too_long:
            return Grade(0.0, body["error"]["message"])
        raise UnmeasuredError(body["error"]["message"])
    kinds = {part["name"]: part["verdict"]["kind"].removeprefix("VERDICT_KIND_") for part in body["parts"]}
    for kind, why in (
        ("INFRASTRUCTURE", "Lean could not be asked"),
        ("INVALID_STATEMENT", "Lean does not take the problem"),
    ):
        if kind in kinds.values():
            raise UnmeasuredError(why)
    return Grade(float(body["verified"]), "; ".join(f"{name}: {kind}" for name, kind in kinds.items()))
