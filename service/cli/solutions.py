"""`check --against`: checks whether a file solves another."""

import json
from pathlib import Path
from typing import Any

from prover.assistance import against
from prover.assistance.against import Solution, Solved
from prover.atomic import atomic_write_text
from prover.errors import UserError
from prover.source import showing
from prover.verdict import Region, VerdictKind
from service.cli import common
from service.jsonl.rows import message_row
from service.ops.config import Settings


async def check_solution(
    settings: Settings, server: str | None, challenge: Path, solution: Path, asked: Solution, json_out: Path | None
) -> bool:
    """Print the verdict on each part of the challenge, and write them to `json_out`. Returns whether all are verified.

    Raises:
        UserError: the challenge has nothing to solve, or is invalid; otherwise as `against.solved`.
    """
    async with common.opened(settings, server) as (service, _):
        if server is None:
            found = [one async for one in against.solved(service, asked)]
        else:
            from service.client.client import Client  # slow to import, and not needed without a server

            assert isinstance(service, Client)
            found = await service.check_solution(asked)
    for one in found:
        _print(challenge, solution, one)
    shown = showing.showing(asked.solution.commands)
    if left_out := showing.not_run(shown):
        common.stdout.print(common.shown(f"{solution}: {left_out}", "yellow"))
    good = all(one.verdict.verified for one in found)
    if json_out is not None:
        parts = [_row(one) for one in found]
        rows: dict[str, Any] = {"verified": good, "parts": parts, "not_run": showing.named(shown)}
        try:
            atomic_write_text(json_out, json.dumps(rows, ensure_ascii=False, indent=2) + "\n")
        except OSError as error:
            raise UserError(f"cannot write {json_out}: {error.strerror}") from None
    wrong = [one.part.name for one in found if one.verdict.kind is VerdictKind.INVALID_STATEMENT]
    if wrong:
        raise UserError(f"{challenge} itself is not right: {', '.join(wrong)} cannot be stated")
    return good


def _print(challenge: Path, solution: Path, one: Solved) -> None:
    verdict = one.verdict
    line = f"{challenge}:{one.part.line}: {one.part.name}: {verdict.kind.name} {verdict.trust.name}, {verdict.path.value}{common.axioms(verdict)}"
    common.stdout.print(common.shown(line, "green" if verdict.verified else "red"))
    for message in verdict.messages:
        path = solution if message.region is Region.CANDIDATE else challenge
        text = f"{path}:{message.line}:{message.column}: {message.severity}: {message.text}"
        common.stdout.print(common.shown(text))


def _row(one: Solved) -> dict[str, Any]:
    return {
        "name": one.part.name,
        "line": one.part.line,
        "definition": one.part.definition,
        "verdict": one.verdict.kind.name,
        "trust": one.verdict.trust.name,
        "axioms": list(one.verdict.axioms),
        "axioms_complete": one.verdict.axioms_complete,
        "messages": [message_row(message) for message in one.verdict.messages],
    }
