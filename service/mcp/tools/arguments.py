"""Types of arguments that several tools share."""

from typing import Annotated

from pydantic import Field

FURTHEST = 10_000_000
"""Maximum line or column."""

Statement = Annotated[str, Field(description="`theorem NAME binders : goal`, without `:=`.")]
HeaderText = Annotated[str, Field(description="import, open and set_option lines; empty: Init and Std.")]
ContextText = Annotated[str, Field(description="Lean source before the statement: definitions, notation, variables.")]
FilePath = Annotated[str, Field(description="Absolute path of a .lean file.")]
Line = Annotated[int, Field(strict=True, ge=1, le=FURTHEST, description="Line of the file, from 1.")]
Column = Annotated[
    int, Field(strict=True, ge=0, le=FURTHEST, description="Column, from 1; 0: the `sorry` of the line.")
]
Seconds = Annotated[float, Field(strict=True, ge=0.001, le=3600, description="Time for the whole call.")]
Wanted = Annotated[int, Field(strict=True, ge=1, le=32, description="Suggestions wanted.")]
