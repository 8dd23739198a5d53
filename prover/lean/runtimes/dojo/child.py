"""The child process around one LeanDojo: reads requests on stdin and answers on the original stdout, one JSON object
per line.

Run as a script by any Python that has lean-dojo; it imports nothing of leansieve. One process drives one `Dojo`,
because lean-dojo changes the working directory, the loguru logger and the environment of the process that imports it.

Requests: first `{"code", "file", "folder", "name", "seconds", "life"}`: the file with `lean_dojo_repl` in place of the
theorem, the prefix of its name, the folder of the traced repository in LeanDojo's cache, the limit of the start in
seconds, and the life time of this process in seconds; then `{"state", "tactic"}`. Answers: `{"kind": "state", "state",
"goals"}`, `{"kind": "finished"}`, `{"kind": "given_up"}`, `{"kind": "error", "text"}`, or `{"kind": "broken", "text"}`,
the last one.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, NamedTuple, TextIO

_WRITTEN: list[Path] = []
"""Files in the repository that are removed when this process ends."""


class _Repository(NamedTuple):
    """The part of LeanDojo's `LeanGitRepo` that a Dojo on a traced repository uses; the original would call GitHub."""

    folder: str
    name: str

    def get_cache_dirname(self) -> Path:
        return Path(self.folder)


class _Place(NamedTuple):
    """The part of LeanDojo's `TracedFile` needed to write a new file into the repository."""

    abs_path: Path
    has_prelude: bool = False


def main() -> None:
    """Serve requests until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # output of lean-dojo must not mix with answers
    requests = _read_ahead()
    try:
        first = json.loads(next(requests))
        life = threading.Timer(first["life"], _end)
        life.daemon = True
        life.start()
        from lean_dojo import Dojo, Theorem  # type: ignore[import-not-found,unused-ignore]
        from loguru import logger  # type: ignore[import-not-found,unused-ignore]

        logger.remove()  # its output would show request texts

        class StatedDojo(Dojo):  # type: ignore[misc,unused-ignore]
            """A Dojo on a theorem that need not exist in the repository."""

            def _locate_traced_file(self, traced_repo_path: Path) -> _Place:
                return _Place(traced_repo_path / first["file"])

            def _get_modified_proof(self, _traced_file: _Place) -> str:
                _WRITTEN.append(Path(self.modified_file.name))
                return str(first["code"])

        entry = Theorem(_Repository(first["folder"], first["name"]), Path(first["file"]), "leansieve")
        with StatedDojo(entry, timeout=first["seconds"]) as (dojo, state):
            states = {state.id: state}
            _say(answers, kind="state", state=state.id, goals=state.pp)
            for line in requests:
                request = json.loads(line)
                _say(answers, **_run(dojo, states, request["state"], request["tactic"]))
    except BaseException as error:
        _say(answers, kind="broken", text=f"{type(error).__name__}: {error}"[:2_000])
    finally:
        _end()


def _run(dojo: Any, states: dict[int, Any], number: int, tactic: str) -> dict[str, Any]:
    """Run a tactic. Exceptions of lean-dojo end the process: a Dojo that has timed out would answer the wrong question
    next.
    """
    result = dojo.run_tac(states[number], tactic)
    kind = type(result).__name__
    if kind == "TacticState":
        states[result.id] = result
        return {"kind": "state", "state": result.id, "goals": result.pp}
    if kind == "ProofFinished":
        return {"kind": "finished"}
    if kind == "ProofGivenUp":
        return {"kind": "given_up"}
    if kind == "LeanError":
        return {"kind": "error", "text": result.error[:20_000]}
    raise TypeError(f"lean-dojo answered with a {kind}")


def _say(answers: TextIO, **fields: Any) -> None:
    answers.write(json.dumps(fields) + "\n")
    answers.flush()


def _read_ahead() -> Any:
    """Read lines of stdin. When it ends, even during a tactic, this process and its children end."""
    import queue

    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        _end()

    threading.Thread(target=read, daemon=True).start()
    return iter(lines.get, None)


def _end() -> None:
    """Kill the children of this process (Lean runs in its own session, on a terminal), then the process itself."""
    try:
        import psutil

        children = psutil.Process().children(recursive=True)
        for child in children:
            child.kill()
        psutil.wait_procs(children, timeout=5)
        for file in _WRITTEN:
            file.unlink(missing_ok=True)
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
