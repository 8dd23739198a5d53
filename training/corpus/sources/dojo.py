"""Traces a repository with LeanDojo, in a child process: statements, positions, tactic steps, premises.

Tracing builds the repository, which runs its code: trace only trusted ones. The first run takes one and a half times as
long as the build; lean-dojo keeps the traced repository in its cache. Its results are not trusted as verified.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from prover.concurrency.tasks import spawned
from prover.lean.processes.tree import kill_tree
from prover.source.lexer import tokenize
from prover.theorem import Header
from training.corpus.record import TheoremRecord, TracedStep, end_of_statement, statement_name
from training.corpus.sources.traced import TracedFile, TracingRun

_CHILD = Path(__file__).with_name("dojo_child.py")
_ENVIRONMENT = ("PATH", "HOME", "LANG", "TMPDIR", "ELAN_HOME", "CACHE_DIR")
_LONGEST_LINE = 256 << 20
_MODIFIERS = re.compile(
    r"(?:(?:@\[[^\]]{0,300}\]|\b(?:private|protected|public|noncomputable|nonrec|unsafe|partial)\b)\s*)+\Z"
)
_IMPORT = re.compile(r"(?:public\s+)?(?:meta\s+)?import\s+(?:all\s+)?(\S+)")


class TracingError(RuntimeError):
    """lean-dojo is missing or could not trace the repository; the text gives the reason."""


async def trace_repository(
    repository: str,
    tracing: TracingRun,
    python: Path = Path(sys.executable),
    environment: Mapping[str, str] = os.environ,
    report: Callable[[str], None] = print,
) -> list[TheoremRecord]:
    """Return the theorems of a repository, including those from files traced by an earlier run.

    Args:
        repository: `REPO@COMMIT`: a folder with a git repository, or an address that git can clone; a commit or a tag.
        python: interpreter with lean-dojo installed.
        environment: lean-dojo gets the variables that Lean, git and its cache need, and no token.
        report: receives lines of progress.

    Raises:
        TracingError: see there.
        ValueError: `repository` has another form.
    """
    url, at, commit = repository.rpartition("@")
    if not (url and at and re.fullmatch(r"[\w.+/-]+", commit)):
        raise ValueError(f"expected REPO@COMMIT, found {repository!r}.")
    env = {name: environment[name] for name in _ENVIRONMENT if name in environment}
    env |= {"DISABLE_REMOTE_CACHE": "1", "NUM_PROCS": str(max(2, os.cpu_count() or 2))}
    starting = asyncio.create_subprocess_exec(
        str(python),
        "-X",
        "utf8",
        str(_CHILD),
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=_LONGEST_LINE,
        start_new_session=True,
    )
    child = await spawned(starting, _end)
    try:
        return await _collect(child, url, commit, tracing, report)
    finally:
        await _end(child)


async def _end(child: asyncio.subprocess.Process) -> None:
    await asyncio.to_thread(kill_tree, child.pid)
    await child.wait()


async def _collect(
    child: asyncio.subprocess.Process, url: str, commit: str, tracing: TracingRun, report: Callable[[str], None]
) -> list[TheoremRecord]:
    assert child.stdin
    request = {"url": url, "commit": commit, "done": tracing.files(f"{url}@{commit}")}
    child.stdin.write(json.dumps(request).encode() + b"\n")
    report(f"tracing {url} at {commit}; hours for Mathlib, the first time")
    files = (await _answer(child))["files"]
    wanted = [file for file in files if not tracing.done(file, f"{url}@{commit}")]
    for number, file in enumerate(wanted, start=len(files) - len(wanted) + 1):
        answer = await _answer(child)
        found = [_record(theorem, file, url) for theorem in answer["theorems"]]
        records = tuple(record for record in found if record is not None)
        tracing.add(
            TracedFile(file=file, version=f"{url}@{commit}", theorems=records, skipped=len(found) - len(records))
        )
        report(f"{number}/{len(files)} files, {tracing.skipped} theorems skipped; {file}")
    return tracing.records(files)


async def _answer(child: asyncio.subprocess.Process) -> dict[str, Any]:
    assert child.stdout
    line = await child.stdout.readline()
    if not line:
        raise TracingError(f"the process with lean-dojo ended with status {await child.wait()}")
    answer: dict[str, Any] = json.loads(line)
    if "broken" in answer:
        text = answer["broken"]
        if "No module named 'lean_dojo'" in text:
            text = "lean-dojo is not installed: pip install 'leansieve[dojo]' with Python older than 3.13"
        raise TracingError(text)
    return answer


def _record(theorem: Mapping[str, Any], file: str, url: str) -> TheoremRecord | None:
    try:
        statement = _statement(theorem["statement"])
        imports, context = _split(theorem["before"])
        return TheoremRecord(
            name=statement_name(statement),
            statement=statement,
            header=Header(imports, "").text,
            context=context,
            source=f"LeanDojo {Path(url).name}",
            family=file,
            position=f"{file}:{theorem['line']}",
            premises=tuple(theorem["premises"]),
            steps=tuple(
                TracedStep(tactic=step["tactic"], before=_goals(step["before"]), after=_goals(step["after"]))
                for step in theorem["steps"]
            ),
        )
    except ValueError:  # a name or notation that a record cannot represent
        return None


def _statement(text: str) -> str:
    """Extract `theorem NAME binders : goal` from a declaration that may have attributes, modifiers and `:=`."""
    tokens = list(tokenize(text))
    start = next((token.start for token in tokens if token.text in ("theorem", "lemma")), None)
    if start is None:
        raise ValueError("no theorem")
    behind = [token for token in tokens if token.start >= start]
    assign = end_of_statement(behind)
    end = len(text) if assign is None else assign.start
    return re.sub(r"^lemma\b", "theorem", text[start:end].strip())


def _split(before: str) -> tuple[tuple[str, ...], str]:
    """Split the text before a theorem's keyword in its file into imports and context."""
    before = _MODIFIERS.sub("", before)
    imports = ["Init"]
    lines = before.split("\n")
    for number, line in enumerate(lines):
        found = _IMPORT.fullmatch(line.strip())
        if found is not None:
            imports.append(found[1])
        elif line.strip() not in ("", "module", "prelude"):
            return tuple(dict.fromkeys(imports)), "\n".join(lines[number:]).strip()
    return tuple(dict.fromkeys(imports)), ""


def _goals(state: str) -> tuple[str, ...]:
    return tuple(goal for goal in re.split(r"\n\n+", state) if "⊢" in goal)
