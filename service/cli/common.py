"""What the commands share: their options, starting what they need, signals, and showing texts."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from prover.errors import UserError
from prover.lean.runtimes.embedded.cache.package import Progress as Report
from prover.options import SAMPLERS, Budget, CheckOptions, Preference
from prover.requests import Service
from prover.search.strategies import STRATEGIES
from prover.verdict import Limits, Trust, Verdict
from service.core.limits.text import printable
from service.ops import config, logs
from service.ops.config import Settings

T = TypeVar("T")

INTERRUPTED = 130
"""Exit status after SIGINT or SIGTERM."""


class Output(Console):
    """A console whose reader may leave: what was to be shown is dropped, and the work goes on to its end and its exit status.

    Attributes:
        failed: whether something could not be shown for another reason, such as a full disk.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
        # Python has no stream where a program is started without one.
        self.quiet = (sys.stderr if stderr else sys.stdout) is None
        self.failed = False

    def print(self, *objects: Any, **options: Any) -> None:
        """See `Console.print`. Nothing is raised where the stream takes no more: what was found may have yet to be written."""
        try:
            super().print(*objects, **options)
        except OSError as error:
            self.failed = True
            self.on_broken_pipe()
            stderr.print(f"leansieve: the results cannot be shown: {error.strerror}")

    def on_broken_pipe(self) -> None:
        """Say nothing from now on, at the end of the process neither; the base class would end the process."""
        self.quiet = True
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self.file.fileno())


stdout = Output()
"""For results."""
stderr = Output(stderr=True)
"""For progress and remarks."""


def _known_strategy(name: str) -> str:
    """The option's value as it is; UserError if it names none."""
    if name and name not in STRATEGIES:
        raise UserError(f"there is no strategy {name!r}; there is {', '.join(STRATEGIES)}")
    return name


def _known_sampler(name: str) -> str:
    """The option's value as it is; UserError if it names none."""
    if name and name not in SAMPLERS:
        raise UserError(f"there is no sampler {name!r}; there is {', '.join(SAMPLERS)}")
    return name


Config = Annotated[Path | None, typer.Option("--config", help="Configuration file.", metavar="FILE")]
Server = Annotated[str | None, typer.Option("--server", help="Use a running server.", metavar="HOST:PORT")]
Ca = Annotated[
    Path | None, typer.Option("--ca", help="Encrypt; the server has a certificate of this authority.", metavar="FILE")
]
TokenFile = Annotated[Path | None, typer.Option("--token-file", help="Holds the token for --server.", metavar="FILE")]
Workers = Annotated[int | None, typer.Option("--workers", help="Lean workers.", metavar="N")]
LogLevel = Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.", metavar="LEVEL")]
Project = Annotated[
    str | None,
    typer.Option("--project", help="Lake project: a folder, or the name of a configured one.", metavar="PROJECT"),
]
Pool = Annotated[
    str | None,
    typer.Option(
        "--pool", help="worker, or dojo: LeanDojo tries candidates before a worker checks them.", metavar="NAME"
    ),
]
Model = Annotated[
    Path | None, typer.Option("--model", help="Weights of the sampler `model`: a folder, or `shipped`.", metavar="DIR")
]
Samples = Annotated[int | None, typer.Option(help="Candidates sampled per theorem.", min=1, metavar="N")]
Seconds = Annotated[float | None, typer.Option(help="Time per theorem.", min=0.001, metavar="S")]
Proofs = Annotated[int | None, typer.Option(help="Distinct proofs wanted.", min=1, metavar="K")]
Sampler = Annotated[
    str,
    typer.Option(
        help=f"What proposes: {', '.join(SAMPLERS)}.", metavar="NAME", show_default=False, callback=_known_sampler
    ),
]
Focus = Annotated[
    float | None, typer.Option(help="Of models: 0 for coverage … 1 for precision.", min=0, max=1, metavar="X")
]
Prefer = Annotated[
    Preference, typer.Option(help="Which of the proofs found are the answer: fastest to check, shortest.")
]
Minimise = Annotated[bool, typer.Option("--minimise", help="Make the proofs as short as they can be.")]
Strategy = Annotated[
    str,
    typer.Option(
        help=f"How to search: {', '.join(STRATEGIES)}.", metavar="NAME", show_default=False, callback=_known_strategy
    ),
]
Seed = Annotated[int | None, typer.Option(help="Makes the candidates repeat.", min=0, max=2**64 - 1)]
Policy = Annotated[str, typer.Option("--policy", help="Name of a configured policy.", metavar="NAME")]
Isolated = Annotated[bool, typer.Option("--isolated", help="Check once more in a process that serves nobody else.")]
Crosscheck = Annotated[
    bool, typer.Option("--crosscheck", help="And have a second kernel check it (docs/second-kernel.md).")
]
Kernel = Annotated[
    Path | None,
    typer.Option("--kernel", help="The second kernel: a toolchain's folder or libleanshared.so.", metavar="PATH"),
]
CheckSeconds = Annotated[
    float | None, typer.Option("--check-seconds", help="Deadline of one check.", min=0.001, metavar="S")
]
Receipts = Annotated[
    Path | None, typer.Option("--receipts", help="Write a receipt of each verified proof there.", metavar="FOLDER")
]
Jsonl = Annotated[Path | None, typer.Option("--jsonl", help="Items, one JSON object a line.", metavar="IN")]
Out = Annotated[Path | None, typer.Option("--out", help="Answers; resumed if it exists.", metavar="OUT")]


def load_settings(file: Path | None, quiet: bool = True, **flags: dict[str, Any]) -> Settings:
    """The settings, with logging set up; a `quiet` command logs errors alone unless the settings say otherwise.

    Raises:
        UserError: see `config.load`.
    """
    settings = config.load(file, flags)
    log = settings.log
    if quiet and "level" not in log.model_fields_set:
        log = log.model_copy(update={"level": "error"})
    logs.configure(log)
    return settings


def client_settings(
    file: Path | None,
    ca: Path | None,
    token_file: Path | None,
    workers: int | None,
    log_level: str | None,
    pool: str | None = None,
    model: Path | None = None,
    kernel: Path | None = None,
) -> Settings:
    """The settings of a command that uses a running server, or Lean and samplers of its own. Raises as `load_settings`."""
    return load_settings(
        file,
        connection={"ca": ca, "token_file": token_file},
        lean={"workers": workers, "pool": pool},
        model={"path": model},
        crosscheck={"kernel": kernel},
        log={"level": log_level},
    )


def in_project(settings: Settings, project: str | None, server: str | None) -> tuple[Settings, str]:
    """Settings under which `--project` is served, and the name that requests give it; empty for the default Lean.

    A server is told names alone: the folders that it uses are its own business.
    """
    if project is None:
        return settings, ""
    if server is not None or project in settings.lean.projects:
        return settings, project
    lean = settings.lean.model_copy(update={"project": Path(project), "runtime": "native"})
    return settings.model_copy(update={"lean": lean}), ""


def alone_in(settings: Settings, project: str, workers: int | None) -> Settings:
    """Settings whose only Lean is that of a project, one that they name or a folder; with so many workers if not None."""
    settings, name = in_project(settings, project, None)
    only: dict[str, object] = {"projects": {}}
    if name:
        own = settings.lean.projects[name]
        only |= {"project": own.path, "runtime": "native", "native": own, "workers": workers or own.workers}
        only |= {"imports": own.imports, "allowed_imports": own.allowed_imports, "spares": own.spares}
    return settings.model_copy(update={"lean": settings.lean.model_copy(update=only)})


def check_options(
    settings: Settings, seconds: float | None, policy: str, isolated: bool, crosscheck: bool
) -> CheckOptions:
    """The options of a check, with the settings' limits where the command line says nothing."""
    check = settings.check
    limits = Limits(seconds or check.seconds, check.heartbeats, check.recursion)
    trust = Trust.ISOLATED_REPLAY if isolated else Trust.KERNEL_REPLAYED
    return CheckOptions(limits, policy, Trust.CROSS_CHECKED if crosscheck else trust)


def budget(settings: Settings, samples: int | None, proofs: int | None, seconds: float | None) -> Budget:
    """The budget of a search."""
    search = settings.search
    return Budget(samples or search.samples, seconds=seconds or search.seconds, proofs=proofs or search.proofs)


def axioms(verdict: Verdict) -> str:
    """The end of a line about a verdict: the axioms that it rests on; empty if it names none."""
    return f", axioms {' '.join(verdict.axioms)}" if verdict.axioms else ""


def two_files(source: Path, out: Path) -> None:
    """Raise UserError if these are the same file."""
    if source.exists() and out.exists() and source.samefile(out):
        raise UserError(f"{source} is both input and output: name another file to write")


@contextlib.asynccontextmanager
async def opened(settings: Settings, server: str | None) -> AsyncIterator[tuple[Service, int]]:
    """The service at `server`, or one of this process's own; and how many checks it does at once."""
    if server is not None:
        from service.client.client import Client  # gRPC is loaded only where a server is asked

        async with Client(server, settings) as client:
            yield client, (await client.info()).workers
        return
    with preparing() as report:
        from service.core.engine import Engine  # with a server nothing of it is needed, and it takes a second to import

        engine = Engine(settings, report=report)
        await engine.__aenter__()
    try:
        yield engine, engine.workers
    finally:
        await engine.close()


@contextlib.contextmanager
def preparing() -> Iterator[Report]:
    """Shows on a terminal that Lean is being prepared and started."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    ) as display:
        task = display.add_task("starting Lean", total=None)

        def report(doing: str, done: int, total: int) -> None:
            display.update(task, description=doing, completed=done, total=total or None)

        yield report


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end; SIGINT and SIGTERM cancel it, which ends whatever it started.

    Raises:
        typer.Exit: with `INTERRUPTED`, after a signal.
    """

    async def guarded() -> T:
        task = asyncio.ensure_future(main)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, task.cancel)
        return await task

    try:
        return asyncio.run(guarded())
    except asyncio.CancelledError:
        raise typer.Exit(INTERRUPTED) from None


def shown(text: str, style: str = "") -> Text:
    """A text from outside, for a terminal."""
    return Text(printable(text, newlines=True), style)
