"""Commands that only display or test something (`#check`, `#eval`, `#guard`, …). No verdict depends on them, so answers name them."""

import functools
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from prover.source import scanner
from prover.source.scanner import Command
from prover.verdict import STANDARD_AXIOMS, Message, Region

_MOST_NAMED = 20
_AXIOMS = re.compile(r"'.+' depends on axioms: \[(.+)\]", re.DOTALL)
_HASH = re.compile(r"^[ \t]*#[a-z]", re.MULTILINE)


def showing(commands: Iterable[Command]) -> tuple[Command, ...]:
    """Return those of `commands` that only display or test something."""
    return tuple(one for one in commands if one.passing and one.keyword.startswith("#"))


def named(found: Sequence[Command]) -> list[str]:
    """Return each command with its line, as in `#eval (line 9)`; of very many the first ones and the number of the others."""
    omitted = len(found) - _MOST_NAMED
    names = [f"{one.keyword} (line {one.line})" for one in found[:_MOST_NAMED]]
    return [*names, f"{omitted} more"] if omitted > 0 else names


def not_run(found: Sequence[Command]) -> str:
    """Return a sentence that the commands were left out; empty if there are none."""
    return f"not run, and so not checked: {', '.join(named(found))}" if found else ""


def left_out(found: Sequence[Command], line: int) -> tuple[Message, ...]:
    """Return a message for each left out command, with its position in a text that begins at a line of the file."""
    text = "`{}` is not run, and so not checked"
    messages = [
        Message("information", text.format(one.keyword), line=one.line - line + 1) for one in found[:_MOST_NAMED]
    ]
    if (omitted := len(found) - _MOST_NAMED) > 0:
        messages.append(replace(messages[-1], text=f"{omitted} more such commands below are not run either"))
    return tuple(messages)


def remarks(context: str) -> tuple[Message, ...]:
    """Return a message for each such command in a context: a check does not report its outcome."""
    found = _commands_shown(context) if _HASH.search(context) else ()
    text = "the outcome of `{}` in the context is not reported, and does not count for the verdict"
    messages = [
        Message("information", text.format(one.keyword), Region.CONTEXT, one.line) for one in found[:_MOST_NAMED]
    ]
    if (omitted := len(found) - _MOST_NAMED) > 0:
        messages.append(replace(messages[-1], text=f"so it is with {omitted} more such commands below"))
    return tuple(messages)


def on_axioms(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return a message on the first list of `#print axioms` that cannot be right where the library's proofs are not loaded:
    Lean then lists theorems of the library as axioms.
    """
    for message in messages:
        listed = _AXIOMS.fullmatch(message.text) if message.severity == "information" else None
        if listed is not None and not {name.strip() for name in listed[1].split(",")} <= set(STANDARD_AXIOMS):
            text = (
                "the embedded Lean does not hold the proofs of library theorems, and `#print axioms` lists these theorems as "
                "axioms; a native Lean shows what they depend on (docs/native.md)"
            )
            return (replace(message, text=text),)
    return ()


@functools.lru_cache(maxsize=16)  # many proofs of one stream have the same context
def _commands_shown(context: str) -> tuple[Command, ...]:
    return showing(scanner.commands(context, scanner.code_of(context), 0))
