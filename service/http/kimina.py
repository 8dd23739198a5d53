"""Kimina Lean server's API: takes whole files, returns Lean's messages for each, with a verdict usable as a reward."""

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from google.protobuf.message import Message
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from leansieve.v1 import check_pb2
from prover.errors import InputError
from prover.source import lean_file, showing
from prover.source.lean_file import LeanFile
from prover.theorem import HeaderError, Theorem
from prover.verdict import Verdict, VerdictKind
from service.contract import fields, values
from service.core.limits.text import printable
from service.http.endpoints import Bundle

_MOST_FILES = 10_000
_NO_TREES = "infotree is ignored: this server has no trees to give"
_MEANING = {
    VerdictKind.VERIFIED: "Lean's kernel accepted all of this file, which uses no sorry and no axiom of its own. "
    "Its statements were not compared with a problem: /v1/check-solution does that, and a reward should be its verdict.",
    VerdictKind.INCOMPLETE: "The file leaves something unproved: no reward.",
}
_SEVERITIES = {"information": "info"}  # the name in Lean's REPL
_NO_REWARD = "The file is not accepted: no reward, even if Lean's compiler did not complain."


class _Sent(BaseModel):
    model_config = ConfigDict(strict=True, use_attribute_docstrings=True, extra="allow")

    def notes(self, infotree: str | None) -> tuple[str, ...]:
        """Return a sentence for each ignored option of the request."""
        unknown = [printable(name[:80]) for name in list(self.model_extra or ())[:8]]
        return (*((_NO_TREES,) if infotree else ()), *(f"{name} is ignored: it is not known here" for name in unknown))


_Request = TypeVar("_Request", bound=_Sent)


class Code(_Sent):
    """A file in a request to `/verify`."""

    custom_id: str | int
    """Identifier of the answer."""
    proof: str | None = None
    """A whole Lean file, imports first."""
    code: str | None = None
    """The same as `proof`, under its older name."""

    @model_validator(mode="after")
    def _holds_a_file(self) -> Self:
        if self.proof is None and self.code is None:
            raise ValueError("holds neither `proof` nor `code`")
        return self


class VerifyRequest(_Sent):
    """A request to `/verify`."""

    codes: list[Code] = Field(min_length=1, max_length=_MOST_FILES)
    """Files; their identifiers must be distinct."""
    timeout: int = Field(default=300, ge=1)
    """Seconds per file; limited to the server's maximum."""
    infotree_type: str | None = None
    """Ignored, as the answer reports."""
    disable_cache: bool = False
    """No effect: verdicts are not cached."""


class Snippet(_Sent):
    """A file in a request to `/api/check`."""

    id: str
    """Identifier of the answer."""
    code: str
    """A whole Lean file, imports first."""


class CheckRequest(_Sent):
    """A request to `/api/check`."""

    snippets: list[Snippet] = Field(min_length=1, max_length=_MOST_FILES)
    """Files; their identifiers must be distinct."""
    timeout: int = Field(default=30, ge=1)
    """Seconds per file; limited to the server's maximum."""
    debug: bool = False
    """No effect: there is no additional output."""
    reuse: bool = True
    """No effect: workers are always warm and keep no state of files."""
    infotree: str | None = None
    """Ignored, as the answer reports."""


@dataclass(frozen=True, slots=True)
class _Asked:
    """A file: parsed, or the reason why it cannot be."""

    name: str
    file: LeanFile | None
    why: str = ""


@dataclass(frozen=True, slots=True)
class Files:
    """The files of one request, as items of `CheckProofs`.

    Attributes:
        key: name of the identifier field in the answer.
        seconds: time limit per file.
    """

    key: str
    asked: tuple[_Asked, ...]
    seconds: float
    notes: tuple[str, ...]

    async def requests(self) -> AsyncIterator[Message]:
        """Return a check for each valid file."""
        for number, one in enumerate(self.asked):
            if one.file is None:
                continue
            theorem = values.theorem_to_proto(Theorem("", one.file.header))
            check = check_pb2.CheckProofRequest(theorem=theorem, file=one.file.whole())
            check.limits.timeout.CopyFrom(fields.duration(self.seconds))
            yield check_pb2.CheckProofsRequest(id=str(number), check=check)

    def write(self, answers: Sequence[Message]) -> str:
        """Return the answer in the order of the files."""
        by_number = {answer.id: answer for answer in answers if isinstance(answer, check_pb2.CheckProofsResponse)}
        results = [
            {self.key: one.name, **self._result(one, by_number.get(str(number)))}
            for number, one in enumerate(self.asked)
        ]
        return json.dumps({"results": results, **({"notes": self.notes} if self.notes else {})}, ensure_ascii=False)

    def _result(self, one: _Asked, answer: check_pb2.CheckProofsResponse | None) -> dict[str, Any]:
        if one.file is None:
            return {"time": 0.0, "error": one.why, "response": None}
        if answer is None or answer.HasField("error"):
            return {
                "time": 0.0,
                "error": answer.error.message if answer else "the file was not checked",
                "response": None,
            }
        verdict = one.file.placed(values.verdict_from_proto(answer.verdict))
        seconds = verdict.elapsed_ms / 1000
        result = {
            "verdict": verdict.kind.name,
            "trust": verdict.trust.name,
            "axioms": list(verdict.axioms),
            "meaning": _MEANING.get(verdict.kind, _NO_REWARD),
            "not_run": showing.named(showing.showing(one.file.commands)),
        }
        if verdict.kind is VerdictKind.TIMEOUT:
            error = f"Lean timed out in {self.seconds:g} seconds"
        elif verdict.kind is VerdictKind.INFRASTRUCTURE:
            error = "Lean could not be asked: send the file again"
        else:
            return {
                "time": seconds,
                "error": None,
                "response": {**_response(one.file, verdict), "time": seconds},
                **result,
            }
        return {"time": seconds, "error": error, "response": None, **result}


def _response(file: LeanFile, verdict: Verdict) -> dict[str, Any]:
    """Return messages in the format of Lean's REPL; a rejected file has an error or a `sorry` among them."""
    messages = [
        {
            "severity": _SEVERITIES.get(one.severity, one.severity),
            "pos": {"line": one.line, "column": one.column},
            "endPos": None,
            "data": one.text,
        }
        for one in verdict.messages
        if verdict.kind not in (VerdictKind.VERIFIED, VerdictKind.INCOMPLETE) or one.severity != "error"
    ]
    sorries: list[dict[str, Any]] = []
    if verdict.kind is VerdictKind.INCOMPLETE:
        for start, end in lean_file.sorries(file.text) or [(0, 0)]:
            pos, end_pos = (
                dict(zip(("line", "column"), lean_file.line_and_column(file.text, at), strict=True))
                for at in (start, end)
            )
            sorries.append({"pos": pos, "endPos": end_pos, "goal": ""})
    elif verdict.kind is not VerdictKind.VERIFIED and all(one["severity"] != "error" for one in messages):
        text = f"leansieve: {verdict.kind.name}"
        messages.append({"severity": "error", "pos": {"line": 1, "column": 0}, "endPos": None, "data": text})
    if left_out := showing.showing(file.commands):
        pos = {"line": left_out[0].line, "column": 0}
        text = f"leansieve: {showing.not_run(left_out)}"
        messages.append({"severity": "info", "pos": pos, "endPos": None, "data": text})
    return {"env": 0, "messages": messages, **({"sorries": sorries} if sorries else {})}


def verify(data: bytes, longest: float) -> Files:
    """Parse a request to `/verify`.

    Args:
        data: the body.
        longest: the server's maximum of seconds per file.

    Raises:
        InputError: the request is invalid.
    """
    asked = _read(VerifyRequest, data)
    named = [(str(one.custom_id), one.proof if one.proof is not None else one.code or "") for one in asked.codes]
    return _files("custom_id", named, min(asked.timeout, longest), asked.notes(asked.infotree_type))


def check(data: bytes, longest: float) -> Files:
    """Parse a request to `/api/check`, as `verify`.

    Raises:
        InputError: the request is invalid.
    """
    asked = _read(CheckRequest, data)
    return _files(
        "id", [(one.id, one.code) for one in asked.snippets], min(asked.timeout, longest), asked.notes(asked.infotree)
    )


PAGES: dict[str, Callable[..., Bundle]] = {"/verify": verify, "/api/check": check}
"""Paths that Kimina's clients call."""
REQUESTS: dict[str, type[BaseModel]] = {"/verify": VerifyRequest, "/api/check": CheckRequest}
"""Request types of these paths."""


def _files(key: str, named: list[tuple[str, str]], seconds: float, notes: tuple[str, ...]) -> Files:
    if len({name for name, _ in named}) < len(named):
        raise InputError(key, f"every {key} must be another one")
    return Files(key, tuple(_parsed(*one) for one in named), seconds, notes)


def _parsed(name: str, code: str) -> _Asked:
    if not code.strip():
        return _Asked(name, None, "the file is empty")
    try:
        return _Asked(name, lean_file.parse(code.replace("\r\n", "\n")))
    except HeaderError as error:
        return _Asked(name, None, str(error))


def _read(kind: type[_Request], data: bytes) -> _Request:
    try:
        data.decode().encode()
        return kind.model_validate_json(data)
    except ValidationError as error:
        found = tuple((".".join(map(str, one["loc"])) or "request", one["msg"]) for one in error.errors()[:3])
        raise InputError(found[0][0], f"{found[0][0]}: {found[0][1]}", found) from None
    except UnicodeDecodeError as error:
        raise InputError("request", f"the request is not UTF-8 at byte {error.start}") from None
