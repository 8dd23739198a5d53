"""`leansieve batches`."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated

import typer

from service.batch.batches import BatchStatus
from service.cli import common
from service.cli.common import Setup
from service.cli.flags import Only, with_flags
from service.client.client import Client

app = typer.Typer(help="Batches of a running server: list, show, cancel, delete.", no_args_is_help=True)

Server = Annotated[str, typer.Option("--server", help="The server.", metavar="HOST:PORT")]
Rest = Annotated[Setup, Only("ca", "token_file", "config", "log_level")]
Id = Annotated[str, typer.Argument(help="Of the batch, as `list` shows it.", metavar="ID")]


@app.command("list")
@with_flags
def show_all(server: Server, setup: Rest) -> None:
    """List your batches, newest first; a token with the role admin sees those of everyone."""

    async def work(client: Client) -> None:
        seen = False
        async for batch in client.batches():
            seen = True
            _show(batch)
        if not seen:
            common.stderr.print("this server has no batch of yours")

    _with(work, server, setup)


@app.command()
@with_flags
def show(batch: Id, server: Server, setup: Rest) -> None:
    """Show the status of a batch."""

    async def work(client: Client) -> None:
        _show(await client.status(batch))

    _with(work, server, setup)


@app.command()
@with_flags
def cancel(batch: Id, server: Server, setup: Rest) -> None:
    """Cancel a batch; its results are kept."""

    async def work(client: Client) -> None:
        _show(await client.cancel(batch))

    _with(work, server, setup)


@app.command()
@with_flags
def delete(batch: Id, server: Server, setup: Rest) -> None:
    """Delete a batch and its results; searches in progress are stopped."""

    async def work(client: Client) -> None:
        await client.delete(batch)
        common.stdout.print(common.shown(f"{batch} is deleted"))

    _with(work, server, setup)


def _with(work: Callable[[Client], Awaitable[None]], server: str, setup: Setup) -> None:
    settings = setup.load()

    async def run() -> None:
        async with Client(server, settings) as client:
            await work(client)

    common.run(run())


def _show(batch: BatchStatus) -> None:
    created = datetime.fromtimestamp(batch.created, UTC).isoformat(" ", "minutes").removesuffix("+00:00")
    label = f"  {batch.label}" if batch.label else ""
    common.stdout.print(
        common.shown(f"{batch.id}  {batch.state.value}  {batch.answered} of {batch.items}  made {created} UTC{label}")
    )
