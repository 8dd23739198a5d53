"""Generate the gRPC stubs and their type stubs: `protos/leansieve/v1/*.proto` → the package `leansieve` beside `protos/`.

Run by setup.py at every build and by hand after an edit: `python protos/generate.py`. The output is never committed.
"""

import os
import shutil
import sys
import sysconfig
import tempfile
from pathlib import Path

PROTOS = Path(__file__).resolve().parent


def generate(root: Path = PROTOS.parent) -> Path:
    """Write the package `leansieve` under `root` and return its folder.

    Raises:
        RuntimeError: protoc refused; its message is already on stderr.
    """
    import grpc_tools
    from grpc_tools import protoc

    sources = sorted(str(path.relative_to(PROTOS)) for path in PROTOS.glob("leansieve/**/*.proto"))
    # Isolated builds keep the plug-ins' scripts off PATH.
    os.environ["PATH"] = os.pathsep.join(
        [sysconfig.get_path("scripts"), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    with tempfile.TemporaryDirectory(prefix="leansieve-stubs-", dir=root) as staging:
        outputs = [f"--{kind}_out={staging}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
        include = Path(grpc_tools.__file__).parent / "_proto"
        if protoc.main(["protoc", f"-I{PROTOS}", f"-I{include}", *outputs, *sources]) != 0:
            raise RuntimeError(f"protoc could not compile {PROTOS}/leansieve")
        package = Path(staging, "leansieve")
        for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
            (folder / "__init__.py").touch()
        (package / "py.typed").touch()
        target = root / "leansieve"
        shutil.rmtree(target, ignore_errors=True)
        os.replace(package, target)
    return target


if __name__ == "__main__":
    print(generate())
