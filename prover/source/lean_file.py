"""`.lean` files: their commands, the context of each, the places of proofs, and holes.

All code that looks for theorems or holes in a file uses this module. `disk` reads and replaces files, `faults` finds what a
verdict blames.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from prover.candidate import Candidate
from prover.source import scanner
from prover.source.imports import header_of
from prover.source.lexer import unclosed_comment
from prover.source.scanner import Command, Form
from prover.theorem import Header, Theorem
from prover.verdict import Message, Mode, Region, Verdict

_IMPORTED = re.compile(r"`(?:import )?([^`\s]+)`")
"""The module in an error about the imports."""

UNCLOSED = "unterminated comment"
"""Lean's message about a comment that is not closed, which it places at the end of the text."""

_STOP = re.compile(r"(?:^[ \t]*(?:·[ \t]*)*|\bby[ \t]+|;[ \t]*)(stop)(?![\w'.])", re.MULTILINE)


class Visibility(Enum):
    """The part of a command that is visible to later commands."""

    WITHOUT_VALUE = "without its value"
    ABSENT = "not at all"


@dataclass(frozen=True, slots=True)
class Open:
    """Something unproved that cannot be filled.

    Attributes:
        start, end: its offsets.
        why: its kind and the reason why it is left alone.
    """

    start: int
    end: int
    why: str


@dataclass(frozen=True, slots=True)
class LeanFile:
    """A parsed file.

    Attributes:
        text: the whole text, with line feeds as line ends.
        code: the text with comments blanked and strings crossed out.
        header: its imports, including the implicit `Init`, without a prelude: opens and options count as context.
        body: offset of the context, after the imports.
        commands: commands in the order of the file.
        fallen: by number, commands that later ones see only in part or not at all.
        project: the Lake project whose Lean checks it, by its name in requests; empty: the default Lean.
    """

    text: str
    code: str
    header: Header
    body: int
    commands: tuple[Command, ...]
    fallen: Mapping[int, Visibility] = field(default_factory=dict)
    project: str = ""

    @property
    def theorems(self) -> tuple[Command, ...]:
        """The commands with a statement to prove."""
        return tuple(command for command in self.commands if command.statement)

    @property
    def open(self) -> tuple[Open, ...]:
        """Return unproved parts other than holes, in the order of the file."""
        found: list[Open] = []
        for command in self.commands:
            within = self.code[command.start : command.end]
            if command.writes_programs:
                found += [
                    Open(command.start + match.start(), command.start + match.end(), f"this {match[0]} is left alone: it is part of a `{command.keyword}`")
                    for match in scanner.SORRY.finditer(within)
                ]  # fmt: skip
            elif command.value is not None:
                found += [
                    Open(
                        command.start + match.start(1),
                        command.start + match.end(1),
                        "`stop` leaves the rest of its proof unproved",
                    )
                    for match in _STOP.finditer(within)
                ]
        return tuple(found)

    def full_names(self) -> dict[int, str]:
        """Return the full names of declarations by the numbers of their commands; anonymous ones are left out."""
        names: dict[int, str] = {}
        spaces: list[str] = []
        for number, command in enumerate(self.commands):
            if command.keyword == "namespace":
                spaces.append(command.name)
            elif command.keyword == "section":
                spaces.append("")
            elif command.keyword == "end":
                del spaces[-1:]
            elif command.own_name is not None and command.value is not None:
                name = command.own_name
                inside = [] if name.startswith("_root_.") else [space for space in spaces if space]
                names[number] = ".".join([*inside, name.removeprefix("_root_.")])
        return names

    def sorries(self, command: Command) -> list[tuple[int, int]]:
        """Return start and end of each `sorry` or `admit` of a command that can be filled."""
        if command.writes_programs:
            return []
        return [match.span() for match in scanner.SORRY.finditer(self.code, command.start, command.end)]

    def theorem(self, item: Command) -> Theorem:
        """Return the theorem with everything before it as context; `open … in` becomes `open …`.

        For other commands the statement is empty.
        """
        prefixes = self._prefixes(item) if item.statement else ""
        return Theorem(item.statement, self.header, self.context(item.start) + prefixes, self.project)

    @property
    def own(self) -> str:
        """The text after the imports."""
        return self.text[self.body :]

    def whole(self) -> str:
        """Return the text after the imports, without commands that only display something."""
        return self.context(len(self.text), examples=True)

    def context(self, end: int, examples: bool = False) -> str:
        """Return the text before an offset, on the same lines as in the file."""
        pieces: list[str] = []
        at = self.body
        for number, command in enumerate(self.commands):
            if command.end > end:
                break
            standing = self.fallen.get(number)
            kept = examples and command.keyword == "example"
            if (command.passing and not kept) or standing is Visibility.ABSENT:
                pieces += [self.text[at : command.start], scanner.blank(self.text[command.start : command.end])]
            elif standing is Visibility.WITHOUT_VALUE and command.value is not None:
                value = self.text[command.value : command.end]
                pieces += [self.text[at : command.value], ":= sorry", "\n" * value.count("\n")]
            else:
                continue
            at = command.end
        return "".join([*pieces, self.text[at:end]])

    def without(self, number: int) -> "LeanFile":
        """Return the file with a weakened command: first without its value, then removed."""
        command = self.commands[number]
        whole = command.value is None or number in self.fallen
        standing = Visibility.ABSENT if whole else Visibility.WITHOUT_VALUE
        return replace(self, fallen={**self.fallen, number: standing})

    def placed(self, verdict: Verdict) -> Verdict:
        """Shift the positions of a verdict on `whole()` to this file."""
        messages = []
        for message in verdict.messages:
            line, column = self.in_context(message)
            messages.append(replace(message, line=line, column=column))
        return replace(verdict, messages=tuple(messages))

    def as_it_stands(self, item: Command) -> str:
        """Return the whole text with everything before `item` in the form that `item` sees, each line at its place in
        the file.
        """
        return self.text[: self.body] + self.context(item.start) + self.text[item.start :]

    def proof(self, item: Command) -> str:
        """Return the text of `item` that a proof replaces."""
        return self.text[item.proof_start : item.proof_end]

    def lead(self, item: Command) -> str:
        """Return the text before a proof in a candidate: the statement, if it is checked as a part of a file."""
        return "" if item.form is Form.ASSIGNED else item.statement

    def candidate(self, item: Command, source: str = "given") -> Candidate:
        """Return a command's own value as a candidate: the proof of a theorem, or the whole declaration."""
        proof_mode = bool(item.statement) and item.form is Form.ASSIGNED
        return Candidate(self.lead(item) + self.proof(item), Mode.PROOF if proof_mode else Mode.FILE, source)

    def filled(self, item: Command, candidate: str) -> "LeanFile":
        """Return the file with this candidate inserted for `item`."""
        proof_only = bool(item.statement) and item.form is Form.ASSIGNED
        proof = candidate.strip() if proof_only else candidate.removeprefix(self.lead(item))
        read_anew = parse(self.text[: item.proof_start] + proof + self.text[item.proof_end :])
        standing = {number: how for number, how in self.fallen.items() if self.commands[number] != item}
        return replace(read_anew, fallen=standing, project=self.project)

    def line_in(self, earlier: "LeanFile", number: int, line: int) -> int:
        """Map a line of a command to its line in `earlier`, the file before holes above it were filled."""
        return line - self.commands[number].line + earlier.commands[number].line

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a line (from 1) and column (from 0)."""
        return _offset(self.text, line, column)

    def number_at(self, offset: int) -> int | None:
        """Return the number of the command at or before an offset; the blank after a command's end counts as its own."""
        number = bisect_right(self.commands, offset, key=lambda command: command.start) - 1
        # Lean reports that a command ends too early at its end, where the next one's blanks and comments begin.
        if number > 0 and offset == self.commands[number - 1].end and self.code[offset : offset + 1].isspace():
            number -= 1
        return number if number >= 0 else None

    def position(self, item: Command, message: Message) -> tuple[int, int]:
        """Return line (from 1) and column (from 0) in this file of a message about `item`."""
        if message.region in (Region.HEADER, Region.CONTEXT) or message.text.startswith(UNCLOSED):
            return self.in_context(message)
        text = item.statement if message.region is Region.STATEMENT else self.lead(item) + self.proof(item)
        at = _offset(text, message.line, message.column)
        stated = len(item.statement) if message.region is Region.STATEMENT else len(self.lead(item))
        if at < stated or message.region is Region.STATEMENT:
            return line_and_column(self.text, item.at + max(0, at - item.shift))
        return line_and_column(self.text, item.proof_start + at - stated)

    def in_context(self, message: Message) -> tuple[int, int]:
        """Return line (from 1) and column (from 0) in this file of a message about what is above the theorem."""
        if message.text.startswith(UNCLOSED) and (opening := unclosed_comment(self.text)) is not None:
            return line_and_column(self.text, opening)
        if message.region is Region.HEADER and (module := _IMPORTED.search(message.text)) is not None:
            written = re.search(rf"(?<![\w.]){re.escape(module[1])}(?![\w.])", self.code[: self.body])
            return line_and_column(self.text, written.start() if written else 0)
        line, column = line_and_column(self.text, 0 if message.region is Region.HEADER else self.body)
        return line + message.line - 1, message.column + (column if message.line == 1 else 0)

    def _prefixes(self, item: Command) -> str:
        pieces: list[str] = []
        at = item.start
        for begin, end in item.prefixes:
            shown = self.text[at:end] + "  "
            # The output expected by `#guard_msgs` is in a doc comment before it, which belongs to it.
            pieces.append(scanner.blank(shown) if self.text[begin] == "#" else shown)
            at = end + 2
        return "".join(pieces)


def parse(text: str) -> LeanFile:
    """Find the commands of a file.

    Raises:
        HeaderError: its imports are malformed.
    """
    code = scanner.code_of(text)
    header, body = header_of(text, code)
    return LeanFile(text, code, header, body, tuple(scanner.commands(text, code, body)))


def line_and_column(text: str, offset: int) -> tuple[int, int]:
    """Return line (from 1) and column (from 0)."""
    return text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1)


def indentation(text: str, offset: int) -> int:
    """Return the number of blanks at the beginning of an offset's line."""
    line = text[text.rfind("\n", 0, offset) + 1 : offset]
    return len(line) - len(line.lstrip(" "))


def sorries(text: str) -> list[tuple[int, int]]:
    """Return start and end of each `sorry` and `admit` outside comments and strings."""
    return list(_spans(scanner.code_of(text)))


def _spans(code: str) -> Iterator[tuple[int, int]]:
    for match in scanner.SORRY.finditer(code):
        yield match.span()


def _offset(text: str, line: int, column: int) -> int:
    """Return the offset of a line (from 1) and column (from 0) of a text; its end if there is no such place."""
    starts = scanner.line_starts(text)
    return min(len(text), starts[line - 1] + column) if line <= len(starts) else len(text)
