"""Stand-ins for `lake` and `lean`: programs with these names, controlled by a JSON file in their folder.

They emulate a toolchain on a machine without one. What they emulate: command lines, environment, working directories,
exit statuses. `lean --run` can go through to the embedded Lean (`lean_stand_in.py`), which imports what `Emulated.compile` has built.
"""

import json
import os
import shutil
import stat
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prover.lean.runtimes.embedded.cache.install import install
from tests.prover.lean.runtimes.embedded.talk import link
from tests.prover.lean.runtimes.native.compiled import compiled, olean

_HERE = Path(__file__).parent
SOURCE = Path(__file__).parents[5]

LEAN_4_28 = "Lean (version 4.28.0, x86_64-unknown-linux-gnu, commit 0123456789abcdef, Release)"


@dataclass(frozen=True)
class Emulated:
    """An emulated toolchain in `folder` and a project that uses it.

    Attributes:
        environment: what a user's shell would have.
    """

    folder: Path
    project: Path
    environment: dict[str, str]

    def calls(self, program: str) -> list[dict[str, Any]]:
        """How `lake` or `lean` was called: `arguments`, `folder`, `environment`."""
        log = self.folder / f"{program}.calls"
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []

    def configure(self, **settings: Any) -> None:
        """Change what the stand-ins do; see `lake_stand_in.py` and `lean_stand_in.py`."""
        file = self.folder / "stand_in.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | settings))

    def build(self, module: str, root: Path | None = None) -> Path:
        """An empty `.olean` file where Lake would put it."""
        file = (root or self.project) / ".lake/build/lib/lean" / Path(*module.split(".")).with_suffix(".olean")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        return file

    def compile(self, sources: Mapping[str, str]) -> None:
        """Put modules into the project and build them with the embedded Lean; each stands behind all that it imports."""
        for module, text in sources.items():
            source = (self.project / Path(*module.split("."))).with_suffix(".lean")
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_text(text, encoding="utf-8")
        made = compiled(sources)
        for module in sources:
            shutil.copyfile(olean(made, module), self.build(module))
        # One folder is all that a worker of the embedded Lean sees: its own library, with these beside it.
        library = self.folder / "library"
        own = install("", lambda *_: None).library
        shutil.copytree(own, library, copy_function=link)
        shutil.copytree(made, library, dirs_exist_ok=True)
        prefix = self.folder / "toolchain"
        (prefix / "lib").mkdir(parents=True)
        (prefix / "lib" / "lean").symlink_to(own)
        self.configure(library=str(library), prefix=str(prefix))


def emulate(root: Path, elan: bool = False, **settings: Any) -> Emulated:
    """Make an emulated toolchain and an empty project under `root`; with `elan`, where elan would put it."""
    home, project, prefix = root / "home", root / "project", root / "toolchain"
    folder = home / ".elan" / "bin" if elan else root / "bin"
    for place in (home, project, prefix / "lib" / "lean", prefix / "bin", folder):
        place.mkdir(parents=True, exist_ok=True)
    for module in ("Init", "Std", "Lean"):
        (prefix / "lib" / "lean" / f"{module}.olean").touch()
    for program in ("lake", "lean"):
        _script(folder / program, _HERE / f"{program}_stand_in.py")
    _script(prefix / "bin" / "lean", _HERE / "lean_stand_in.py")
    (project / "lakefile.toml").write_text('name = "project"\n')
    (prefix / "bin" / "stand_in.json").symlink_to(folder / "stand_in.json")
    defaults = {"version": LEAN_4_28, "prefix": str(prefix), "source": str(SOURCE), "log": str(folder)}
    (folder / "stand_in.json").write_text(json.dumps(defaults | settings))
    path = os.defpath if elan else f"{folder}{os.pathsep}{os.defpath}"
    return Emulated(folder, project, {"PATH": path, "HOME": str(home)})


def _script(file: Path, program: Path) -> None:
    file.write_text(
        f"#!{sys.executable}\nimport sys\nsys.argv[0] = {str(file)!r}\n"
        f"exec(compile(open({str(program)!r}).read(), {str(program)!r}, 'exec'))\n"
    )
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
