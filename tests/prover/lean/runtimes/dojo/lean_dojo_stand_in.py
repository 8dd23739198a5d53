"""A stand-in for lean-dojo if it is not installed: the parts that leansieve uses, over pipes instead of a terminal.

Standard library only; the file becomes the modules `lean_dojo` and `loguru`.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace

logger = SimpleNamespace(remove=lambda: None)


class Theorem:
    def __init__(self, repo, file_path, full_name):
        self.repo = repo


class TacticState:
    def __init__(self, pp, id):
        self.pp, self.id = pp, id


class ProofFinished:
    pass


class ProofGivenUp:
    pass


class LeanError:
    def __init__(self, error):
        self.error = error


class DojoInitError(Exception):
    pass


class DojoCrashError(Exception):
    pass


class Dojo:
    def __init__(self, entry, timeout):
        self.entry = entry

    def __enter__(self):
        traced = Path(os.environ["CACHE_DIR"], self.entry.repo.get_cache_dirname(), self.entry.repo.name)
        os.chdir(traced)
        place = self._locate_traced_file(traced)
        prefix = place.abs_path.with_suffix("").name
        with tempfile.NamedTemporaryFile("w", dir=traced, prefix=prefix, suffix=".lean", delete=False) as file:
            self.modified_file = file
            file.write(self._get_modified_proof(place))
        self.lean = subprocess.Popen(
            ["lake", "env", "lean", "--threads=1", file.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        answer = self._answer(DojoInitError)
        return self, TacticState(answer["tacticState"], answer["sid"])

    def __exit__(self, *_exc):
        self.lean.kill()

    def run_tac(self, state, tactic):
        self.lean.stdin.write(json.dumps({"sid": state.id, "cmd": tactic}, ensure_ascii=False) + "\n")
        self.lean.stdin.flush()
        answer = self._answer(DojoCrashError)
        if answer["error"] is not None:
            return ProofGivenUp() if "sorry" in answer["error"] else LeanError(answer["error"])
        if answer["tacticState"] == "no goals":
            return ProofFinished()
        return TacticState(answer["tacticState"], answer["sid"])

    def _answer(self, error):
        for line in self.lean.stdout:
            if line.startswith("REPL> "):
                return json.loads(line.removeprefix("REPL> "))
        raise error("Lean ended")
