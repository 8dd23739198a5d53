"""Places of a training run's parts: sampling, checking, learning."""

import asyncio
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prover.cluster.connection import ClusterAbsentError, RayConnection, RayMissingError
from prover.errors import UserError
from prover.lean.cluster.ray.local import token_of
from service.ops.config import LeanSettings

if TYPE_CHECKING:  # slow to import
    from training.config import TrainingConfig
    from training.rollouts.hosts.engine import SamplingPlace


def sampling_place(lean: LeanSettings, training: "TrainingConfig") -> "SamplingPlace | None":
    """Return the place of sampling; None: the run's own process.

    Raises:
        UserError: hosts are configured, and there is no cluster.
    """
    hosts = 0 if training.rollouts is None else training.rollouts.sampler_hosts
    if not hosts:
        return None
    from training.rollouts.hosts.engine import SamplingPlace

    if not lean.cluster:
        raise UserError(
            f"rollouts.sampler_hosts is {hosts}, and there is no cluster: set lean.cluster to its address, as in "
            "LEANSIEVE_LEAN__CLUSTER=auto (docs/cluster.md)."
        )
    return SamplingPlace(lean.cluster, lean.cluster_token or token_of(lean.cluster), hosts)


def places(lean: LeanSettings, training: "TrainingConfig") -> Iterator[str]:
    """Describe the places of a run that learns from verdicts. Nothing is started.

    Raises:
        UserError: there is no cluster, or no host has the required resources.
    """
    if training.rollouts is None:
        return
    place = sampling_place(lean, training)
    if not lean.cluster:
        yield "samples, checks and learns on this machine"
        return
    offers = asyncio.run(_offers(lean))
    for resource, does in (("lean", "checks"), ("sampler", "samples")):
        if resource == "sampler" and place is None:
            yield "samples on this machine"
            continue
        if not offers[resource]:
            raise UserError(f"no host of {lean.cluster} offers the resource {resource} (docs/cluster.md).")
        some = offers[resource] if place is None or resource == "lean" else min(place.hosts, offers[resource])
        yield f"{does} on {some} of the {offers[resource]} hosts of {lean.cluster} that offer {resource}"
    yield "learns on this machine, which keeps checkpoints, verdicts and the log"


async def _offers(lean: LeanSettings) -> dict[str, int]:
    """Return the number of hosts by resource."""
    try:
        connection = RayConnection(lean.cluster, lean.cluster_token or token_of(lean.cluster))
        await connection.join()
    except (RayMissingError, ClusterAbsentError) as error:
        raise UserError(str(error)) from None
    try:
        nodes = [node["Resources"] for node in await asyncio.to_thread(connection.ray.nodes) if node["Alive"]]
        return {name: sum(node.get(name, 0) >= 1 for node in nodes) for name in ("lean", "sampler")}
    finally:
        await connection.leave()
