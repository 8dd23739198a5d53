"""The shell commands of README.md and docs/*.md: every line of every fenced block of the language `sh`."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
_BLOCK = re.compile(r"^ *```sh\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
_COMPOUND = re.compile(r"^for .*?^done", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Documented:
    """One command and the page that has it."""

    page: str
    text: str


def documented() -> Iterator[Documented]:
    """Commands in their order, without remarks; one that goes on over several lines is one text with its line ends."""
    for page in PAGES:
        for block in _BLOCK.findall(page.read_text(encoding="utf-8")):
            text = re.sub(r"[ \t]+# .*$", "", block, flags=re.MULTILINE)
            for command in _split(text):
                yield Documented(page.relative_to(ROOT).as_posix(), command)


def _split(block: str) -> Iterator[str]:
    at = 0
    for loop in _COMPOUND.finditer(block):
        yield from _lines(block[at : loop.start()])
        yield loop.group()
        at = loop.end()
    yield from _lines(block[at:])


def _lines(text: str) -> Iterator[str]:
    # a line goes on where it ends with a backslash, and where the next one begins with a pipe
    joined = re.sub(r"\\\n", "\\\0", text)
    for line in joined.splitlines():
        if command := line.replace("\0", "\n").strip():
            yield command
