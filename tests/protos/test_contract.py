"""The contract: follows buf's standard, is not broken by the last change, and has rules for all fields of requests."""

import io
import platform
import runpy
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor

from buf.validate import validate_pb2
from leansieve.v1 import prove_pb2
from prover.errors import InputError
from prover.lean.runtimes.embedded.cache.package import Package
from service.contract.fields import validate
from service.contract.methods import METHODS
from tests.support.programs.npm import file_of

ROOT = Path(__file__).parents[2]
PROTOS = ROOT / "protos"
BUF = Package(
    "@bufbuild/buf-linux-x64",
    "1.75.0",
    "YGGJAx0lpMCE7aMWjNOJcfoEaG/e+iYHnTC4SZ0P5eS4IffMryA9Z4/bb1m1wNXAEJ8ATFMEZOAk/5x9VE47ig==",
)
needs_buf = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="buf is fetched for Linux on x86-64 alone"
)


@pytest.fixture(scope="session")
def buf() -> Path:
    """The buf command, from its npm package."""
    binary = file_of(BUF, "bin/buf")
    binary.chmod(0o755)
    return binary


def image(folder: Path, target: Path) -> Path:
    """All files of the contract in `folder`, compiled, with their comments."""
    make = runpy.run_path(str(PROTOS / "generate.py"))
    outputs = [f"--descriptor_set_out={target}", "--include_imports", "--include_source_info"]
    make["protoc"](folder, outputs, make["sources"](folder))
    return target


def run(buf: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [str(buf), *map(str, arguments), "--config", str(PROTOS / "buf.yaml")]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


@needs_buf
def test_the_contract_is_written_as_buf_asks(buf: Path, tmp_path: Path) -> None:
    done = run(buf, "lint", image(PROTOS, tmp_path / "now.binpb"))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    layout = subprocess.run(
        [str(buf), "format", str(PROTOS), "--diff", "--exit-code"], capture_output=True, text=True, check=False
    )
    assert (layout.returncode, layout.stdout) == (0, "")


@needs_buf
def test_buf_would_find_what_is_wrong(buf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "leansieve" / "v1"
    folder.mkdir(parents=True)
    (folder / "bad.proto").write_text('syntax = "proto3";\npackage leansieve.v1;\nmessage bad { string Name = 1; }\n')
    done = run(buf, "lint", image(tmp_path, tmp_path / "bad.binpb"))
    assert "should be PascalCase" in done.stdout


def git(*arguments: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=True).stdout


@needs_buf
@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="this is no clone: nothing says what the contract was before")
def test_the_last_change_of_the_contract_breaks_no_client(buf: Path, tmp_path: Path) -> None:
    # Uncommitted changes are compared with the last commit, a commit with its predecessor.
    changed = git("status", "--porcelain", "--", "protos/leansieve").strip()
    commits = git("log", "-n", "2", "--format=%H", "--", "protos/leansieve").decode().split()
    # Until 0.1.0 is released, a commit marked as breaking may break it.
    meant = "BREAKING CHANGE" in git("log", "-n", "1", "--format=%B", commits[0]).decode()
    base = commits[0] if changed or meant else commits[-1]
    before = tmp_path / "before"
    with tarfile.open(fileobj=io.BytesIO(git("archive", base, "protos"))) as archive:
        archive.extractall(before, filter="data")
    then = image(before / "protos", tmp_path / "then.binpb")
    done = run(buf, "breaking", image(PROTOS, tmp_path / "now.binpb"), "--against", then)
    assert (done.returncode, done.stdout) == (0, ""), f"against {base}:\n{done.stderr}"


@needs_buf
def test_buf_would_find_a_broken_client(buf: Path, tmp_path: Path) -> None:
    folder = tmp_path / "leansieve" / "v1"
    folder.mkdir(parents=True)
    kept = (PROTOS / "leansieve" / "v1" / "theorem.proto").read_text()
    (folder / "theorem.proto").write_text(kept.replace("string context = 2", "bytes context = 2"))
    changed = image(tmp_path, tmp_path / "changed.binpb")
    (folder / "theorem.proto").write_text(kept)
    done = run(buf, "breaking", changed, "--against", image(tmp_path, tmp_path / "kept.binpb"))
    assert "context" in done.stdout


def sent_by_clients() -> Iterator[FieldDescriptor]:
    """Every field that a request can hold."""
    todo = [method.input_type for method in METHODS.values()]
    seen: set[str] = set()
    while todo:
        message: Descriptor = todo.pop()
        if message.full_name in seen or message.full_name.startswith("google.protobuf."):
            continue
        seen.add(message.full_name)
        for field in message.fields:
            yield field
            if field.message_type is not None:
                todo.append(field.message_type)


def rules(field: FieldDescriptor) -> Any:
    return field.GetOptions().Extensions[validate_pb2.field]


def test_every_field_that_clients_send_has_a_rule() -> None:
    unruled = [
        field.full_name
        for field in sent_by_clients()
        if not field.GetOptions().HasExtension(validate_pb2.field)
        # Both values of a bool are good, and a message's own fields have the rules.
        and field.type not in (FieldDescriptor.TYPE_BOOL, FieldDescriptor.TYPE_MESSAGE)
    ]
    assert unruled == []
    texts = [field for field in sent_by_clients() if field.type == FieldDescriptor.TYPE_STRING]
    assert len(texts) > 10
    for field in texts:
        of = rules(field).repeated.items if field.is_repeated else rules(field)
        assert of.string.max_len or of.string.max_bytes, f"{field.full_name} may be of any length"


def bounded(field: FieldDescriptor) -> bool:
    """Whether the contract says the most that one value of it may be."""
    of = rules(field).repeated.items if field.is_repeated else rules(field)
    match field.type:
        case FieldDescriptor.TYPE_BOOL:
            return True
        case FieldDescriptor.TYPE_STRING:
            return bool(of.string.max_len or of.string.max_bytes)
        case FieldDescriptor.TYPE_ENUM:
            return bool(of.enum.defined_only)
        case FieldDescriptor.TYPE_INT32:
            return bool(of.int32.HasField("lte") and of.int32.HasField("gte"))
        case FieldDescriptor.TYPE_INT64:
            return bool(of.int64.HasField("lte") and of.int64.HasField("gte"))
        case FieldDescriptor.TYPE_DOUBLE:
            return bool(of.double.HasField("lte") and (of.double.HasField("gte") or of.double.HasField("gt")))
        case FieldDescriptor.TYPE_MESSAGE if field.message_type.full_name == "google.protobuf.Duration":
            return bool(of.duration.HasField("lte") and of.duration.HasField("gt"))
        case FieldDescriptor.TYPE_MESSAGE:
            return field.message_type.full_name.startswith("leansieve.v1.")  # its own fields are looked at
    return False


def test_whatever_clients_send_is_bounded() -> None:
    fields = list(sent_by_clients())
    assert {field.type for field in fields} >= {FieldDescriptor.TYPE_ENUM, FieldDescriptor.TYPE_DOUBLE}
    assert [field.full_name for field in fields if not bounded(field)] == []
    many = [field for field in fields if field.is_repeated]
    assert many
    assert [field.full_name for field in many if not rules(field).repeated.max_items] == []


def test_the_rules_are_those_that_the_server_checks() -> None:
    request = prove_pb2.ProveRequest()
    request.options.sampling.focus = 2.0
    with pytest.raises(InputError) as caught:
        validate(request)
    assert [field for field, _ in caught.value.violations] == ["theorem", "options.sampling.focus"]
    request.theorem.statement = "theorem a : True"
    request.options.sampling.focus = 1.0
    validate(request)
