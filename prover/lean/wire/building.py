"""Builds the requests of docs/worker-protocol.md: their common fields, and the validation of texts."""

import json
import math
from collections.abc import Mapping

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.theorem import Theorem
from prover.verdict import Region

LONGEST_TEXT = 1 << 20
"""Maximum size of a text in a request (header, context, statement, candidate), in UTF-8 bytes."""

MOST_IMPORTS = 1_000
"""Maximum number of imports in a header."""


class InvalidTextError(ValueError):
    """A text cannot be sent to Lean: it is too long or not Unicode. `region` identifies the text."""

    def __init__(self, region: Region, reason: str) -> None:
        """Build the message from the name of the text and the error."""
        super().__init__(f"the {region.value} {reason}")
        self.region = region


def common(theorem: Theorem, terms: Terms) -> dict[str, object]:
    """Return the fields that every request about a theorem has. Raises as `check`."""
    limits, policy = terms.limits, terms.policy
    if not (math.isfinite(limits.seconds) and limits.seconds > 0):
        raise ValueError(f"limits: seconds must be a positive number, not {limits.seconds}")
    if limits.heartbeats < 1 or limits.recursion < 1:
        raise ValueError("limits: heartbeats and recursion must be at least 1; Lean reads 0 as no limit")
    if limits.messages < 0 or limits.message_bytes < 0:
        raise ValueError("limits: messages and message_bytes must not be negative")
    imports = list(theorem.header.imports)
    if len(imports) > MOST_IMPORTS:
        raise InvalidTextError(Region.HEADER, f"imports {len(imports)} modules; at most {MOST_IMPORTS} are read")
    fit(Region.HEADER, " ".join(imports))
    return {
        "header": {"imports": imports, "prelude": fit(Region.HEADER, theorem.header.prelude)},
        "context": fit(Region.CONTEXT, theorem.context),
        "statement": fit(Region.STATEMENT, theorem.statement),
        "policy": {
            "name": policy.name,
            "axioms": list(policy.axioms),
            "kinds": list(policy.kinds),
            "guard": policy.guard,
            **({"whole": True} if policy.whole else {}),
            **({} if policy.holes is None else {"holes": list(policy.holes)}),
        },
        "limits": {
            "heartbeats": limits.heartbeats,
            "recursion": limits.recursion,
            "messages": limits.messages,
            "message_bytes": limits.message_bytes,
        },
    }


def fit(region: Region, text: str) -> str:
    """Validate and normalise a text; raises InvalidTextError."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError as error:
        raise InvalidTextError(region, f"is not Unicode: a lone surrogate at character {error.start}") from None
    if size > LONGEST_TEXT:
        raise InvalidTextError(region, f"is {size} bytes long; at most {LONGEST_TEXT} are read")
    return text.replace("\r\n", "\n")  # as Lean does when it reads a file


def body(op: str, fields: Mapping[str, object]) -> bytes:
    """Return a request as JSON, without its opening brace."""
    return json.dumps({"op": op, **fields}, ensure_ascii=True, separators=(",", ":")).encode("ascii")[1:]


def check_fields(theorem: Theorem, candidate: Candidate, terms: Terms) -> dict[str, object]:
    """Return the fields of a request about a candidate. Raises as `protocol.check`."""
    return common(theorem, terms) | {str(candidate.mode): fit(Region.CANDIDATE, candidate.text)}
