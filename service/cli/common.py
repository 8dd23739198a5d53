"""Shared parts of commands: options, starting services, signals, and output."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.text import Text

from prover.errors import UserError
from prover.lean.runtimes.embedded.cache.package import Progress as Report
from prover.options import CheckOptions, SearchOptions
from prover.requests import Service, ServiceInfo
from prover.source.lean_file import LeanFile
from prover.source.scanner import Command
from prover.verdict import STANDARD_AXIOMS, Verdict
from service.cli.flags import Given
from service.core.limits.admission import bounds
from service.core.limits.text import printable
from service.ops import config, logs
from service.ops.config import Settings

T = TypeVar("T")

_DEFAULT = SearchOptions()

INTERRUPTED = 130
"""Exit status after SIGINT or SIGTERM."""


class Output(Console):
    """A console whose reader may disappear: then output is dropped, but the work and the exit status are completed.

    Attributes:
        failed: whether output failed for another reason, such as a full disk.
    """

    def __init__(self, *, stderr: bool = False) -> None:
        super().__init__(stderr=stderr, highlight=False, markup=False, soft_wrap=True)
        # Python's streams are None if a program is started without them.
        self.quiet = (sys.stderr if stderr else sys.stdout) is None
        self.failed = False

    def print(self, *objects: Any, **options: Any) -> None:
        """See `Console.print`. Raises nothing if the stream is closed, because results may still have to be written to
        files.
        """
        try:
            super().print(*objects, **options)
        except OSError as error:
            self.failed = True
            self.on_broken_pipe()
            stderr.print(f"leansieve: the results cannot be shown: {error.strerror}")

    def on_broken_pipe(self) -> None:
        """Drop all output from now on, including that at exit; the base class would end the process."""
        self.quiet = True
        with open(os.devnull, "wb") as nowhere:
            os.dup2(nowhere.fileno(), self.file.fileno())


stdout = Output()
"""For results."""
stderr = Output(stderr=True)
"""For progress and notes."""


Server = Annotated[str | None, typer.Option("--server", help="Use a running server.", metavar="HOST:PORT")]
Ca = Annotated[
    Path | None,
    typer.Option("--ca", help="Encrypt; the server has a certificate of this authority.", metavar="FILE"),
]
TokenFile = Annotated[Path | None, typer.Option("--token-file", help="Holds the token for --server.", metavar="FILE")]
Workers = Annotated[int | None, typer.Option("--workers", help="Lean workers.", metavar="N")]
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
    Path | None,
    typer.Option("--model", help="Weights of the sampler `model`: a folder, or `shipped`.", metavar="DIR"),
]
Kernel = Annotated[
    Path | None,
    typer.Option("--kernel", help="The second kernel: a toolchain's folder or libleanshared.so.", metavar="PATH"),
]
Config = Annotated[Path | None, typer.Option("--config", help="Configuration file.", metavar="FILE")]
LogLevel = Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.", metavar="LEVEL")]
Receipts = Annotated[
    Path | None, typer.Option("--receipts", help="Write a receipt of each verified proof there.", metavar="FOLDER")
]
Jsonl = Annotated[Path | None, typer.Option("--jsonl", help="Items, one JSON object a line.", metavar="IN")]
Out = Annotated[Path | None, typer.Option("--out", help="Answers; resumed if it exists.", metavar="OUT")]


def load_settings(file: Path | None, quiet: bool = True, **flags: dict[str, Any]) -> Settings:
    """Load the settings and set up logging; `quiet` commands log only errors unless the settings say otherwise.

    Raises:
        UserError: see `config.load`.
    """
    settings = config.load(file, flags)
    log = settings.log
    if quiet and "level" not in log.model_fields_set:
        log = log.model_copy(update={"level": "error"})
    logs.configure(log)
    return settings


@dataclass(frozen=True, slots=True)
class Setup:
    """Flags that select the settings of a command: a running server, or its own Lean and samplers."""

    server: Server = None
    ca: Ca = None
    token_file: TokenFile = None
    workers: Workers = None
    project: Project = None
    pool: Pool = None
    model: Model = None
    kernel: Kernel = None
    config: Config = None
    log_level: LogLevel = None

    def load(self) -> Settings:
        """Load the settings. Raises as `load_settings`."""
        return load_settings(
            self.config,
            connection={"ca": self.ca, "token_file": self.token_file},
            lean={"workers": self.workers, "pool": self.pool},
            model={"path": self.model},
            crosscheck={"kernel": self.kernel},
            log={"level": self.log_level},
        )

    def in_project(self) -> tuple[Settings, str]:
        """Load the settings for the requested project, as `in_project`.

        Raises:
            UserError: a flag needs a server and none is given; or as `load_settings`.
        """
        for flag, value in (("--ca", self.ca), ("--token-file", self.token_file)):
            if value is not None and self.server is None:
                raise UserError(f"{flag} goes with --server")
        return in_project(self.load(), self.project, self.server)


def in_project(settings: Settings, project: str | None, server: str | None) -> tuple[Settings, str]:
    """Return settings that serve `--project`, and its name in requests; empty for the default Lean.

    A server receives only names: its folders are its own.
    """
    if project is None:
        return settings, ""
    if server is not None or project in settings.lean.projects:
        return settings, project
    lean = settings.lean.model_copy(update={"project": Path(project), "runtime": "native"})
    return settings.model_copy(update={"lean": lean}), ""


def alone_in(settings: Settings, project: str, workers: int | None) -> Settings:
    """Return settings whose only Lean is that of a project, given by name or folder; with so many workers if not
    None.
    """
    settings, name = in_project(settings, project, None)
    only: dict[str, object] = {"projects": {}}
    if name:
        own = settings.lean.projects[name]
        only |= {"project": own.path, "runtime": "native", "native": own, "workers": workers or own.workers}
        only |= {"imports": own.imports, "allowed_imports": own.allowed_imports, "spares": own.spares}
    return settings.model_copy(update={"lean": settings.lean.model_copy(update=only)})


def search_options(given: Given[SearchOptions], settings: Settings, default: SearchOptions = _DEFAULT) -> SearchOptions:
    """Return the search options of the command line; unset ones come from limits and budget of the settings, then from
    `default`.

    Raises:
        UserError: two flags select the model.
    """
    bound, _ = bounds(settings)
    check = replace(default.check, limits=bound.limits)
    options = given.over(replace(default, budget=bound.budget, check=check))
    if options.sampling.focus is not None and options.sampling.alpha is not None:
        raise UserError(
            "--focus selects a model by its measured curves, --alpha by its training: give only one of them"
        )
    return options


def check_options(given: Given[CheckOptions], settings: Settings) -> CheckOptions:
    """Return the check options of the command line; unset ones come from the settings."""
    return given.over(bounds(settings)[0].options().check)


def axioms(verdict: Verdict) -> str:
    """Return the end of a line about a verdict: the axioms used; empty if there are none."""
    return f", axioms {' '.join(verdict.axioms)}" if verdict.axioms else ""


def assumption(path: str, file: LeanFile, item: Command, verdict: Verdict) -> str:
    """Return a warning if a verified proof uses axioms other than Lean's own, with their declaring files; otherwise
    empty.
    """
    messages = []
    for axiom in verdict.axioms if verdict.verified else ():
        if axiom not in STANDARD_AXIOMS:
            named = (
                one.line for one in file.commands if one.keyword == "axiom" and f".{axiom}".endswith(f".{one.name}")
            )
            line = next(named, None)
            who = (
                f"declared in line {line}"
                if line
                else "which no `axiom` of this file declares, but another command of it or an import"
            )
            messages.append(f"`{axiom}`, {who}")
    message = f"{item.name} depends on axioms other than Lean's own: "
    return f"{path}:{item.line}: warning: {message}{'; '.join(messages)}" if messages else ""


def two_files(source: Path, out: Path) -> None:
    """Raise UserError if both are the same file."""
    if source.exists() and out.exists() and source.samefile(out):
        raise UserError(f"{source} is both input and output: name another file to write")


def tell_unheeded(options: SearchOptions, info: ServiceInfo, server: str | None) -> None:
    """Report options that have no effect with a service."""
    if options.sampling.focus is not None and not info.models:
        how = "the server loads none" if server is not None else "`--model shipped` loads the small ones"
        stderr.print(shown(f"--focus has no effect: it selects a model, and no model is loaded; {how}", "yellow"))


@contextlib.asynccontextmanager
async def opened(
    settings: Settings, server: str | None, options: SearchOptions | None = None
) -> AsyncIterator[tuple[Service, int]]:
    """Open the service at `server`, or one in this process; also returns its maximum number of concurrent checks.

    Search `options` without effect there are reported on stderr.
    """
    async with _opened(settings, server) as (service, workers):
        if options is not None and options.sampling.focus is not None:
            tell_unheeded(options, await service.info(), server)
        yield service, workers


@contextlib.asynccontextmanager
async def _opened(settings: Settings, server: str | None) -> AsyncIterator[tuple[Service, int]]:
    if server is not None:
        from service.client.client import Client  # gRPC is imported only if a server is used

        async with Client(server, settings) as client:
            yield client, (await client.info()).workers
        return
    from service.core.opening import opened_engine  # slow to import, and not needed with a server

    async with contextlib.AsyncExitStack() as stack:
        with preparing() as report:
            engine = await stack.enter_async_context(opened_engine(settings, report))
        yield engine, engine.workers


@contextlib.contextmanager
def preparing() -> Iterator[Report]:
    """Show on stderr that Lean is being prepared and started; if stderr is not a terminal, a line for each activity."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        console=stderr,
        transient=True,
        disable=not stderr.is_terminal,
    ) as display:
        task = display.add_task("starting Lean", total=None)

        told: set[str] = set()

        def report(doing: str, done: int, total: int) -> None:
            if display.disable and doing not in told:
                told.add(doing)
                stderr.print(shown(doing))
            display.update(task, description=doing, completed=done, total=total or None)

        yield report


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end; SIGINT and SIGTERM cancel it and all its work.

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
    """Return a text from outside in a form safe for a terminal."""
    return Text(printable(text, newlines=True), style)
