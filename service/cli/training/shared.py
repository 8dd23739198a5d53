"""Shared parts of training commands: Lean workers, and errors as one sentence."""

import contextlib
import errno
import os
import shlex
import signal
import sys
import warnings
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from prover.errors import UserError
from prover.lean.wire.checks import NoAnswerError
from prover.lean.workers.lean_pool import LeanPool
from prover.lean.workers.pool import PoolUnavailableError
from prover.sampling.sampler import SamplerUnavailableError
from service.cli import common
from service.core.resources.leans import pool_of
from service.ops.config import Settings

if TYPE_CHECKING:
    from training.stages import Stages

Verdicts = Annotated[Path | None, typer.Option(help="Verdicts to share with other runs.", metavar="FILE")]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.", min=0)]
Proved = Annotated[
    Path | None, typer.Option(help="Also write the theorems with proofs, to fine-tune on.", metavar="FILE")
]
HeldOut = Annotated[
    list[Path] | None,
    typer.Option(
        "--held-out",
        help="Theorems that must not be in it, nor near duplicates; may be repeated.",
        metavar="FILE",
    ),
]
Label = Annotated[str | None, typer.Option(help="What tables call the model; by default its run or folder.")]
Corpora = Annotated[list[Path], typer.Argument(help="Files of theorems.")]
CheckSeconds = Annotated[float, typer.Option("--check-seconds", help="Deadline of one check.", min=0.001)]
Heartbeats = Annotated[int, typer.Option(help="Lean's maxHeartbeats for a check.", min=1)]

T = TypeVar("T")

_OURS = frozenset({"prover", "service", "training", "leansieve"})


class TrainingStoppedError(UserError):
    """A training run was stopped because its model diverged or collapsed; its earlier files are kept."""

    status = 3


@contextlib.contextmanager
def user_errors() -> Iterator[None]:
    """Convert errors inside to user errors.

    Raises:
        UserError: a file cannot be read, written or parsed, Lean cannot be started or gives no answer, or a package is
            missing.
        TrainingStoppedError: a run was stopped because its model diverged or collapsed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in _OURS:
            raise
        extra = "wandb" if error.name == "wandb" else "train"
        advice = f"install what training needs: pip install 'leansieve[{extra}]'"
        raise UserError(f"the package {error.name} is missing; {advice}") from None
    except OSError as error:
        if error.errno == errno.ENOSPC or "No space left on device" in str(error):
            where = f"{error.filename}: " if error.filename else ""
            kept = "complete earlier files are kept; free disk space, and the same command resumes from them"
            raise UserError(_sentence(f"{where}the disk is full; {kept}")) from None
        raise UserError(_sentence(f"{error.filename}: {error.strerror}" if error.filename else str(error))) from None
    except (ValueError, NoAnswerError, PoolUnavailableError, SamplerUnavailableError) as error:
        raise UserError(_sentence(str(error))) from None
    except RuntimeError as error:
        # Only exceptions of training itself; they are identified by name, because torch may not be imported yet.
        kind = type(error)
        if kind.__module__.partition(".")[0] != "training":
            raise
        kept = "the last checkpoint is kept, and the same command resumes from it"
        match kind.__name__:
            case "CollapseError":
                raise TrainingStoppedError(_sentence(str(error))) from None
            case "DivergedError":
                raise TrainingStoppedError(
                    f"training diverged: {error}; {kept}; it will diverge again with the same settings: lower "
                    "optimizer.learning_rate, in another folder, or look at the data."
                ) from None
        raise UserError(_sentence(f"{error}; {kept}")) from None


def _sentence(text: str) -> str:
    """End a text with exactly one full stop."""
    return text if text.endswith(("?", "!")) else text.rstrip(". \n") + "."


@contextlib.contextmanager
def interruptible(resumption: Callable[[], str] = lambda: "resumes where it stopped") -> Iterator[None]:
    """Let SIGINT and SIGTERM cancel the work inside.

    Args:
        resumption: returns what the same command does after an interrupt.

    Raises:
        typer.Exit: with `INTERRUPTED`, after a signal.
    """

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    except KeyboardInterrupt:
        remark(f"interrupted; the same command {resumption()}")
        raise typer.Exit(common.INTERRUPTED) from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def command_line() -> str:
    """Return the present command as it would be typed, for the record of a run."""
    return shlex.join(["leansieve", *sys.argv[1:]])


def complete(stages: "Stages", titles: Mapping[str, str], carry_out: Callable[[str], bool]) -> None:
    """Carry out the stages that are not complete, in order.

    Args:
        stages: the record of complete stages.
        titles: name and title of each stage.
        carry_out: carries out the stage of that name; returns whether it succeeded.

    Raises:
        UserError: a stage failed.
    """
    for name, title in titles.items():
        if stages.done(name):
            continue
        remark(f"== {title}")
        if not carry_out(name):
            raise UserError(f"{title} failed; the same command resumes from it")
        stages.finish(name)


def run_resumable(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` as `common.run`; an interrupt is reported with what the same command does."""
    try:
        return common.run(main)
    except typer.Exit as ended:
        if ended.exit_code == common.INTERRUPTED:
            remark("interrupted; the same command resumes where it stopped")
        raise


def quiet_libraries(settings: Settings | None = None) -> None:
    """Limit transformers and vLLM, not imported yet, to error messages, unless the log level is debug."""
    if settings is not None and settings.log.level == "debug":
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "INFO")
        return
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
    os.environ.setdefault("TORCH_LOGS", "-all")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # avoids warnings about forks
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    warnings.simplefilter("ignore", FutureWarning)


@contextlib.asynccontextmanager
async def lean(settings: Settings) -> AsyncIterator[LeanPool]:
    """Run the Lean workers of the settings."""
    with common.preparing() as report:
        pool = pool_of(settings.lean, report)
        await pool.start()
        try:
            await pool.ready()
        except BaseException:
            await pool.close()
            raise
    try:
        yield pool
    finally:
        await pool.close()


def remark(line: str) -> None:
    """Print a line of progress."""
    common.stderr.print(common.shown(line))


def new_file(path: Path) -> Path:
    """Return the path of a file to be written, and create its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
