"""The child process that traces a repository with lean-dojo: reads one request on stdin, writes one JSON object per
line.

It runs as a script in any Python that has lean-dojo; it imports nothing of leansieve, and nothing of leansieve imports
lean-dojo, which changes the logger, the working directory and the environment of the process that does.

Request: `{"url", "commit", "done": [paths]}`. Answers: `{"files": [paths], "commit": hash}`, then for each file that is
not done `{"file", "theorems": [{"statement", "before", "line", "premises", "steps": [{"tactic", "before",
"after"}]}]}`, or `{"broken": text}`.
"""

import json
import os
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any


def main() -> None:
    """Trace one file after the other."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # lean-dojo's progress must not mix with answers
    request = json.loads(sys.stdin.readline())
    threading.Thread(target=_watch, daemon=True).start()

    def say(**fields: Any) -> None:
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    try:
        from lean_dojo import LeanGitRepo, TracedFile  # type: ignore[import-not-found,unused-ignore]

        repository = LeanGitRepo(request["url"], request["commit"])
        root = _traced(repository)
        found = {str(_source(file, root)): file for file in sorted((root / ".lake/build/ir").rglob("*.ast.json"))}
        files = {name: file for name, file in found.items() if (root / name).is_file() and name != "Lean4Repl.lean"}
        say(files=list(files), commit=repository.commit)
        for name, file in files.items():
            if name not in request["done"]:
                traced = TracedFile.from_traced_file(root, file, repository)
                # Theorems get their repository from a stub: loading the real one would ask GitHub for its packages.
                object.__setattr__(traced, "traced_repo", SimpleNamespace(repo=repository, dependencies={}))
                say(file=name, theorems=[_theorem(traced, theorem) for theorem in traced.get_traced_theorems()])
    except BaseException as error:
        # lean-dojo reports invalid arguments as sentences.
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        say(broken=f"{kind}{error}"[:2_000])
    os._exit(0)


def _traced(repository: Any) -> Path:
    """Return the traced repository from lean-dojo's cache; trace it if it is missing.

    `lean_dojo.trace` is not used because it asks GitHub for every package that the repository requires.
    """
    from lean_dojo.data_extraction.cache import cache  # type: ignore[import-not-found,unused-ignore]
    from lean_dojo.data_extraction.trace import _trace  # type: ignore[import-not-found,unused-ignore]
    from lean_dojo.utils import working_directory  # type: ignore[import-not-found,unused-ignore]

    place = repository.get_cache_dirname() / repository.name
    path = cache.get(place)
    if path is None:
        with working_directory() as folder:
            _trace(repository, False)
            path = cache.store(folder / repository.name, place)
    return Path(path).resolve()


def _source(file: Path, root: Path) -> Path:
    module = file.relative_to(root / ".lake/build/ir")
    return module.with_name(module.name.removesuffix(".ast.json") + ".lean")


def _theorem(traced: Any, theorem: Any) -> dict[str, Any]:
    from lean_dojo.data_extraction.traced_data import (  # type: ignore[import-not-found,unused-ignore]
        get_code_without_comments,
    )

    source = traced.lean_file
    steps = theorem.get_traced_tactics() if theorem.has_tactic_proof() else []
    return {
        "statement": theorem.get_theorem_statement(),
        "before": get_code_without_comments(source, source.start_pos, theorem.start, traced.comments),
        "line": theorem.start.line_nb,
        "premises": list(dict.fromkeys(theorem.get_premise_full_names())),
        "steps": [{"tactic": step.tactic, "before": step.state_before, "after": step.state_after} for step in steps],
    }


def _watch() -> None:
    """End this process when stdin ends, that is with its parent."""
    sys.stdin.read()
    try:
        import psutil

        for child in psutil.Process().children(recursive=True):
            child.kill()
    finally:
        os._exit(1)


if __name__ == "__main__":
    main()
