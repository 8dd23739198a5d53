"""The emulated `lake`. Standard library only.

Settings: `build_status`: exit status of `lake build`; `translated`: what `lake translate-config toml FILE` writes; `lake_says`: printed on stderr before it ends with `lake_status`;
`lake_sleeps`: seconds.
"""

import json
import os
import sys
import time
from pathlib import Path


def main() -> None:
    here = Path(sys.argv[0]).parent
    settings = json.loads((here / "stand_in.json").read_text())
    arguments = sys.argv[1:]
    call = {"arguments": arguments, "folder": os.getcwd(), "environment": dict(os.environ)}
    with (here / "lake.calls").open("a") as log:
        log.write(json.dumps(call) + "\n")
    time.sleep(settings.get("lake_sleeps", 0))
    if "lake_says" in settings:
        print(settings["lake_says"], file=sys.stderr)
        sys.exit(settings["lake_status"])
    if arguments[:1] == ["build"]:
        sys.exit(settings.get("build_status", 0))
    if arguments[:2] == ["translate-config", "toml"]:
        assert Path("lakefile.lean").exists()
        with Path(arguments[2]).open("x") as file:  # Lake refuses to overwrite
            file.write(settings["translated"])
        return
    assert arguments[0] == "env", arguments
    project = Path.cwd()
    packages = sorted((project / ".lake" / "packages").glob("*"))
    roots = [project, *packages]
    environment = {
        **os.environ,
        "LEAN_PATH": os.pathsep.join(str(root / ".lake/build/lib/lean") for root in roots),
        "LEAN_SRC_PATH": os.pathsep.join(str(root) for root in roots),
        "LEAN_SYSROOT": settings["prefix"],
    }
    os.execvpe(arguments[1], arguments[1:], environment)


main()
