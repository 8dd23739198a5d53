"""`leansieve cluster`."""

import asyncio
from typing import Annotated

import typer

from prover.cluster.asking import HostLostError
from prover.errors import UserError
from prover.lean.cluster.ray import local
from prover.lean.cluster.ray.nodes import RayCluster
from prover.lean.workers.pool import PoolUnavailableError, WorkerPool
from prover.sampling.replicas.ray import RESOURCE as SAMPLER

app = typer.Typer(help="A Ray cluster on this machine, for lean.cluster: start, look, end.", no_args_is_help=True)


@app.command()
def up(
    hosts: Annotated[int, typer.Option(help="Hosts that offer Lean, each with its own workers.", min=1, max=64)] = 1,
    drivers: Annotated[
        int, typer.Option(help="Number of commands that may use each host at the same time.", min=1, max=16)
    ] = 1,
    samplers: Annotated[
        int | None,
        typer.Option(
            help="Engines of models that each host has room for; by default one for each driver.", min=0, max=64
        ),
    ] = None,
) -> None:
    """Start a cluster on loopback whose hosts check and sample; print its address, for lean.cluster and
    model.cluster.address.
    """
    try:
        import ray  # noqa: F401
    except ImportError:
        raise UserError("a cluster needs Ray: pip install 'leansieve[ray]'") from None
    print(local.up(local.state_file(), hosts, drivers, samplers).address)


@app.command()
def status(
    address: Annotated[str, typer.Argument(help="Of a cluster; by default that of `leansieve cluster up`.")] = "",
) -> None:
    """Show how many hosts of a cluster offer Lean, and capacity for models. Exit status 1: none."""
    process = local.running(local.state_file())
    if not address and process is None:
        raise UserError("no cluster was started here: `leansieve cluster up` starts one, or name an address")
    asked = address or (process.address if process else "")
    try:
        found, taken, (room, replicas) = asyncio.run(_offers(asked))
    except (PoolUnavailableError, HostLostError) as error:
        raise UserError(str(error)) from None
    print(
        f"{asked}: {len(found)} {'host offers' if len(found) == 1 else 'hosts offer'} Lean; drivers have {taken:g} of them"
        + (f"; room for {room:g} engines of models, {replicas:g} are there" if room else "")
    )
    raise typer.Exit(0 if found or room else 1)


@app.command()
def down() -> None:
    """End the cluster started by `leansieve cluster up`, and no other Ray process."""
    if not local.down(local.state_file()):
        raise UserError("no cluster was started here")


async def _offers(address: str) -> tuple[set[str], float, tuple[float, float]]:
    def never() -> WorkerPool:
        raise RuntimeError("nothing is requested from the hosts here")

    cluster = RayCluster(address, never, local.token_of(address))
    await cluster.connect()
    try:
        return await cluster.hosts(), (await cluster.units())[1], await cluster.units(SAMPLER)
    finally:
        await cluster.close()
