"""Generate the gRPC stubs and their type stubs: `protos/leansieve/v1/*.proto` → the package `leansieve` next to `protos/`.

Run by setup.py at every build and by hand after an edit: `python protos/generate.py`. The output is never committed.

The files import two of others: `google/rpc/status.proto`, which googleapis-common-protos ships, and
`buf/validate/validate.proto`, which protovalidate ships as a descriptor only. The stubs of the latter belong to no package
for Google's protobuf, so they are generated too, as the package `buf`.
"""

import os
import shutil
import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path

PROTOS = Path(__file__).resolve().parent
RULES = "buf/validate/validate.proto"


def generate(root: Path = PROTOS.parent) -> Path:
    """Write the packages `leansieve` and `buf` under `root` and return the folder of the first.

    Raises:
        RuntimeError: protoc refused; its message is already on stderr.
    """
    # Isolated builds keep the plug-ins' scripts off PATH.
    os.environ["PATH"] = os.pathsep.join(
        [sysconfig.get_path("scripts"), str(Path(sys.executable).parent), os.environ.get("PATH", "")]
    )
    with tempfile.TemporaryDirectory(prefix="leansieve-stubs-", dir=root) as staging:
        outputs = [f"--{kind}_out={staging}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")]
        protoc(PROTOS, outputs, [*sources(PROTOS), RULES])
        package = Path(staging, "leansieve")
        for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
            (folder / "__init__.py").touch()
        (package / "py.typed").touch()
        # `buf` stays a namespace package: others may bring parts of it too.
        for grpc_stub in Path(staging, "buf").rglob("*_grpc.py*"):
            grpc_stub.unlink()
        for name in ("leansieve", "buf"):
            shutil.rmtree(root / name, ignore_errors=True)
            os.replace(Path(staging, name), root / name)
    return root / "leansieve"


def sources(folder: Path) -> list[str]:
    """Names of the contract's files under `folder`, as they import each other."""
    return sorted(str(path.relative_to(folder)) for path in folder.glob("leansieve/**/*.proto"))


def protoc(folder: Path, outputs: Iterable[str], files: Iterable[str]) -> None:
    """Run protoc over `files` of `folder`.

    Raises:
        RuntimeError: it refused; its message is already on stderr.
    """
    import google.rpc
    import grpc_tools
    from grpc_tools import protoc

    include = [Path(grpc_tools.__file__).parent / "_proto", Path(google.rpc.__path__[0]).parents[1]]
    with tempfile.TemporaryDirectory(prefix="leansieve-rules-") as staging:
        rules = Path(staging, "rules.binpb")
        rules.write_bytes(_rules())
        arguments = [f"-I{folder}", *(f"-I{path}" for path in include), f"--descriptor_set_in={rules}"]
        if protoc.main(["protoc", *arguments, *outputs, *files]) != 0:
            raise RuntimeError(f"protoc could not compile {folder}/leansieve")


def _rules() -> bytes:
    """The FileDescriptorSet of protovalidate's rules and of what they import."""
    from google.protobuf import descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2
    from protovalidate._gen.buf.validate import validate_pb

    files = descriptor_pb2.FileDescriptorSet()
    for module in (descriptor_pb2, duration_pb2, field_mask_pb2, timestamp_pb2):
        module.DESCRIPTOR.CopyToProto(files.file.add())
    files.file.add().ParseFromString(validate_pb.desc().proto.to_binary())
    return files.SerializeToString()


if __name__ == "__main__":
    print(generate())
