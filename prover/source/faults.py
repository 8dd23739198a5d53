"""Faults of a file: the commands that a verdict of Lean blames.

As in Lean, errors are local: for later commands, a theorem with a failing proof counts as a statement without proof, and
a failing command is left out (`LeanFile.without`).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from prover.source.lean_file import UNCLOSED, LeanFile, Visibility, line_and_column
from prover.verdict import Message, Region, Verdict

_DEPENDS_ON = re.compile(r"it depends on (.+), which (?:is|are) not proved")


def unproved_dependencies(verdict: Verdict) -> tuple[Message, ...]:
    """Return the messages that name unproved declarations on which the theorem depends; empty if the only `sorry` is its own."""
    return tuple(message for message in verdict.messages if _DEPENDS_ON.match(message.text))


@dataclass(frozen=True, slots=True)
class Fault:
    """A command that Lean rejects, with Lean's first error at a line (from 1) and column (from 0)."""

    number: int
    line: int
    column: int
    text: str


def below_faults(file: LeanFile, verdict: Verdict) -> tuple[LeanFile, tuple[Fault, ...]] | None:
    """Return the file without the commands above a theorem that its verdict blames, and these; None if it blames
    none.
    """
    blamed: dict[int, Message] = {}
    for message in verdict.messages:
        if message.region is Region.CONTEXT and message.severity == "error":
            number = file.number_at(file.offset(*file.in_context(message)))
            if number is not None and file.fallen.get(number) is not Visibility.ABSENT:
                blamed.setdefault(number, message)
    if not blamed:
        return None
    faults: list[Fault] = []
    weakened = file
    for number, message in blamed.items():
        if number not in weakened.fallen:
            faults.append(Fault(number, *file.in_context(message), message.text))
        weakened = weakened.without(number)
    return weakened, tuple(faults)


def left_open(file: LeanFile, verdict: Verdict, reported: Collection[int]) -> tuple[Fault, ...]:
    """Return the first error or open proof of each command that a verdict on `whole()` reports, and the errors below
    the last one.

    Commands whose numbers are in `reported` are skipped.
    """
    found: dict[int, Fault] = {}
    below: list[Fault] = []
    unplaced: list[Message] = []
    by_name = {name: number for number, name in file.full_names().items()}
    for message in file.placed(verdict).messages:
        offset = file.offset(message.line, message.column)
        number = file.number_at(offset)
        unproved = message.severity == "warning" and "`sorry`" in message.text
        if message.severity != "error" and not unproved:
            continue
        if number is not None and (offset > file.commands[-1].end or message.text.startswith(UNCLOSED)):
            # No command is there, only a comment that is not closed or documents nothing.
            below.append(Fault(number, message.line, message.column, message.text))
        elif number is None or (message.line, message.column) == line_and_column(file.text, file.body):
            unplaced.append(message)
        elif number not in reported and number not in file.fallen:
            text = f"{file.commands[number].name} is not proved" if unproved else message.text
            found.setdefault(number, Fault(number, message.line, message.column, text))
    for message in unplaced:
        if (named := _DEPENDS_ON.match(message.text)) is not None:
            for number in (by_name[name] for name in named[1].split(", ") if name in by_name):
                if number not in reported and number not in file.fallen:
                    command = file.commands[number]
                    fault = Fault(number, command.line, 0, f"{command.name} is not proved")
                    found.setdefault(number, fault)
    if not (found or below or reported or verdict.verified):
        if unplaced:
            return tuple(Fault(0, message.line, message.column, message.text) for message in unplaced)
        return (Fault(0, *line_and_column(file.text, file.body), verdict.kind.name),)
    return (*found.values(), *below)
