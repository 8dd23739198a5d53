"""Counts the files that one `CheckProof` passes through, from gRPC to the bytes sent to a worker, and back.

`benchmarks.house` runs this in a tree.

    python benchmarks/check_path.py [--names]      # in the root of the tree

Server and channel are real; the worker is the scripted process of the tests, so that no Lean is needed. While a proof is checked, every
call of a function of the shipped packages is recorded. A file counts if one of its functions ran in each of three consecutive checks;
this excludes functions run by timers. Generated code does not count, nor do files in which only methods of dataclasses, enumerations
and errors ran.
"""

import argparse
import asyncio
import dataclasses
import importlib
import json
import sys
import tempfile
import threading
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGES = ("prover", "service", "training")
METHODS = ("/leansieve.v1.ProofCheckService/CheckProof", "/leansieve.v1.ProofSearch/CheckProof")


def first_of(*names: str) -> Any:
    """Import the first of these names (`module:name`) that exists in the tree, which may be an older one."""
    for name in names:
        module, _, attribute = name.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except ImportError:
            continue
    raise SystemExit(f"this tree has none of {', '.join(names)}")


class Tracer:
    """Records the functions called while it is active, in the thread that created it and in threads started later."""

    def __init__(self, root: Path) -> None:
        self._prefixes = tuple(f"{root / package}/" for package in PACKAGES)
        self._on = False
        self._seen: set[CodeType] = set()
        threading.setprofile(self._called)
        sys.setprofile(self._called)

    def _called(self, frame: FrameType, event: str, _arg: object) -> None:
        if self._on and event == "call" and frame.f_code.co_filename.startswith(self._prefixes):
            self._seen.add(frame.f_code)

    def begin(self) -> None:
        self._seen = set()
        self._on = True

    def end(self) -> set[CodeType]:
        self._on = False
        return self._seen


async def traced(tracer: Tracer, folder: str) -> list[set[CodeType]]:
    """Return the functions that ran in each of three checks."""
    import grpc

    from leansieve.v1 import check_pb2, theorem_pb2
    from service.server import listening

    pool_of = first_of("tests.support.scripted:pool_of", "tests.prover.lean.scripted:pool_of")
    engine_type = first_of("service.core.engine:Engine", "service.engine:Engine")
    settings_type = first_of("service.ops.config:Settings", "service.config:Settings")
    settings = settings_type(server={"listen": f"unix:{folder}/server"})
    request = check_pb2.CheckProofRequest(theorem=theorem_pb2.Theorem(statement="theorem a : True"), proof="trivial")
    found = []
    async with pool_of() as pool:
        engine = engine_type(settings, pool, shared=True)
        await engine.start()
        async with (
            listening(engine, settings, asyncio.Event()) as (address, _),
            grpc.aio.insecure_channel(address) as channel,
        ):
            for turn in range(4):
                tracer.begin()
                answer = await answered(channel, request.SerializeToString())
                calls = tracer.end()
                assert check_pb2.CheckProofResponse.FromString(answer).verdict.kind, "there is no verdict"
                if turn:  # the first one reads caches
                    found.append(calls)
        await engine.close()
    return found


async def answered(channel: Any, request: bytes) -> bytes:
    import grpc

    for method in METHODS:
        try:
            return bytes(await channel.unary_unary(method)(request, wait_for_ready=True))
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise
    raise SystemExit("this tree checks no proofs")


def passed(calls: Iterable[CodeType], root: Path) -> list[str]:
    """Return the files of these functions, without files of values alone."""
    files = {code.co_filename for code in calls if not is_value(code, root)}
    return sorted(str(Path(file).relative_to(root)) for file in files)


def is_value(code: CodeType, root: Path) -> bool:
    """Return whether this is a method of a dataclass, an enumeration or an error."""
    name = code.co_qualname.split(".")[0]
    module = ".".join(Path(code.co_filename).relative_to(root).with_suffix("").parts).removesuffix(".__init__")
    owner = getattr(sys.modules[module], name, None)
    return isinstance(owner, type) and (dataclasses.is_dataclass(owner) or issubclass(owner, Enum | BaseException))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", action="store_true", help="one line a file, with the functions that ran there")
    names = parser.parse_args().names
    root = Path.cwd()
    sys.path.insert(0, str(root))
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(traced(Tracer(root), folder))
    files = set.intersection(*(set(passed(calls, root)) for calls in found))
    if not names:
        print(json.dumps(sorted(files)))
        return
    for file in sorted(files):
        ran = {code.co_qualname for calls in found for code in calls if code.co_filename == str(root / file)}
        print(f"{file}: {', '.join(sorted(ran))}")


if __name__ == "__main__":
    main()
