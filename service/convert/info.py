"""What a server says of itself."""

from leansieve.v1 import server_info_pb2
from service.convert import search, values
from service.requests import Bounds, ServiceInfo


def to_proto(info: ServiceInfo) -> server_info_pb2.GetServerInfoResponse:
    """What a server says of itself."""
    return server_info_pb2.GetServerInfoResponse(
        version=info.version,
        lean_version=info.lean,
        runtime=info.runtime,
        workers=info.workers,
        samplers=info.samplers,
        policies=info.policies,
        highest_trust=values.trust_to_proto(info.highest_trust),
        default_limits=values.limits_to_proto(info.default.limits),
        maximum_limits=values.limits_to_proto(info.maximum.limits),
        default_budget=search.budget_to_proto(info.default.budget),
        maximum_budget=search.budget_to_proto(info.maximum.budget),
    )


def from_proto(info: server_info_pb2.GetServerInfoResponse, ours: Bounds) -> ServiceInfo:
    """What a server says of itself; where it says nothing, `ours`."""
    return ServiceInfo(
        version=info.version,
        lean=info.lean_version,
        runtime=info.runtime,
        workers=info.workers,
        samplers=tuple(info.samplers),
        policies=tuple(info.policies),
        highest_trust=values.trust_from_proto(info.highest_trust),
        default=Bounds(
            values.limits_from_proto(info.default_limits, ours.limits),
            search.budget_from_proto(info.default_budget, ours.budget),
        ),
        maximum=Bounds(
            values.limits_from_proto(info.maximum_limits, ours.limits),
            search.budget_from_proto(info.maximum_budget, ours.budget),
        ),
    )
