"""Fields that all answers have, and the limits on their sizes."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

from pydantic import BaseModel, Field

from prover.errors import UserError
from prover.requests import LateError, StatementError
from prover.source import showing
from prover.source.faults import Fault
from prover.source.scanner import Command
from service.mcp.errors import hint, reason

LONGEST_TEXT = 4_000
"""Maximum length of a text field in characters; the rest is cut off, with a mark that gives its length."""
MOST_ITEMS = 50
"""Maximum number of entries in a list; `partial` reports that there were more."""


def shortened(text: str) -> str:
    """Truncate `text` to `LONGEST_TEXT` characters."""
    return (
        text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}\n… {len(text) - LONGEST_TEXT:,} more characters"
    )


class ToolAnswer(BaseModel):
    """Fields that every answer has."""

    success: bool = Field(
        default=True, description="Whether the tool ran; if not, error_code, error and hint give the reason."
    )
    error_code: str = Field(default="", description="Stable name of the error, empty if there is none.")
    error: str = Field(default="", description="One sentence about the error.")
    hint: str = Field(default="", description="What to change before the next call.")
    timed_out: bool = Field(default=False, description="The time was over first: an empty list is not a 'no'.")
    partial: bool = Field(default=False, description="There is more than is shown.")

    @classmethod
    def failed(cls, error: UserError) -> Self:
        """Return the answer to a call that did not run; columns of this protocol count from 1."""
        if isinstance(error, StatementError):
            messages = [replace(message, column=message.column + 1) for message in error.verdict.messages]
            error = StatementError(replace(error.verdict, messages=tuple(messages)))
        return cls(
            success=False,
            error_code=reason(error),
            error=shortened(str(error)),
            hint=hint(error),
            timed_out=isinstance(error, LateError),
        )


class FaultItem(BaseModel):
    """A command that Lean rejects, above the requested position."""

    line: int = Field(description="Line of the file, from 1.")
    column: int = Field(description="Column, from 1.")
    text: str = Field(description="The first thing that Lean says of it.")

    @classmethod
    def of(cls, fault: Fault) -> "FaultItem":
        """Convert a fault; columns of this protocol count from 1."""
        return cls(line=fault.line, column=fault.column + 1, text=shortened(fault.text))


class FileAnswer(ToolAnswer):
    """An answer about Lean source."""

    note: str = Field(default="", description="What was not looked at, in a sentence.")
    not_run: list[str] = Field(
        default_factory=list,
        description="Commands that only show or test something and were not run, with their lines.",
    )
    faults_above: list[FaultItem] = Field(
        default_factory=list,
        description="Commands above it that Lean rejects: a theorem counts as a statement without proof, others are left out.",
    )

    def about(self, left_out: Sequence[Command] = (), faults: Sequence[Fault] = ()) -> Self:
        """Return a copy that also names the commands left out and the faults above."""
        update = {
            "note": showing.not_run(left_out),
            "not_run": showing.named(left_out),
            "faults_above": [FaultItem.of(fault) for fault in faults[:MOST_ITEMS]],
        }
        return self.model_copy(update=update)
