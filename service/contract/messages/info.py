"""Messages of service information."""

from leansieve.v1 import search_pb2, server_pb2, verdict_pb2
from prover.requests import Bounds, CoverageCurve, HostInfo, Load, ModelState, ServedModel, ServiceInfo
from prover.sampling.sampler import ReplicaStatus
from service.contract import values
from service.contract.fields import choice_from_proto, choice_to_proto, read, write

_STRATEGY = search_pb2.Strategy.DESCRIPTOR

_STATES = {
    ModelState.SERVED: server_pb2.MODEL_STATE_SERVED,
    ModelState.LOADING: server_pb2.MODEL_STATE_LOADING,
    ModelState.FAILED: server_pb2.MODEL_STATE_FAILED,
}


def to_proto(info: ServiceInfo) -> server_pb2.GetServerInfoResponse:
    """Convert service information to its message."""
    return server_pb2.GetServerInfoResponse(
        version=info.version,
        lean_version=info.lean,
        worker_version=info.worker,
        runtime=info.runtime,
        workers=info.workers,
        samplers=info.samplers,
        policies=info.policies,
        highest_trust=values.trust_to_proto(info.highest_trust),
        default_limits=write(info.default.limits, verdict_pb2.Limits()),
        maximum_limits=write(info.maximum.limits, verdict_pb2.Limits()),
        default_budget=write(info.default.budget, search_pb2.SearchBudget()),
        maximum_budget=write(info.maximum.budget, search_pb2.SearchBudget()),
        strategies=[choice_to_proto(_STRATEGY, "strategy", name) for name in info.strategies],
        models=[model_to_proto(model) for model in info.models],
        store=info.store,
        projects=[server_pb2.LeanProject(name=name, lean_version=lean) for name, lean in info.projects.items()],
        load=server_pb2.Load(idle=info.load.idle, busy=info.load.busy, queued=info.load.queued),
        hosts=[
            server_pb2.Host(
                name=host.name, workers=host.workers, live=host.live, in_work=host.in_work, problem=host.problem
            )
            for host in info.hosts
        ],
    )


def from_proto(info: server_pb2.GetServerInfoResponse, ours: Bounds) -> ServiceInfo:
    """Convert a message to service information; missing parts are taken from `ours`."""
    return ServiceInfo(
        version=info.version,
        lean=info.lean_version,
        runtime=info.runtime,
        workers=info.workers,
        samplers=tuple(info.samplers),
        policies=tuple(info.policies),
        highest_trust=values.trust_from_proto(info.highest_trust),
        default=Bounds(read(info.default_limits, ours.limits), read(info.default_budget, ours.budget)),
        maximum=Bounds(read(info.maximum_limits, ours.limits), read(info.maximum_budget, ours.budget)),
        strategies=tuple(choice_from_proto(_STRATEGY, value, "") for value in info.strategies),
        models=tuple(model_from_proto(model) for model in info.models),
        store=info.store,
        worker=info.worker_version,
        projects={project.name: project.lean_version for project in info.projects},
        load=Load(info.load.idle, info.load.busy, info.load.queued),
        hosts=tuple(HostInfo(host.name, host.workers, host.live, host.in_work, host.problem) for host in info.hosts),
    )


def model_to_proto(model: ServedModel) -> server_pb2.Model:
    """Convert a served model to its message."""
    curves = [
        server_pb2.CoverageCurve(
            temperature=curve.temperature,
            points=[server_pb2.CoveragePoint(k=k, share=share) for k, share in curve.points],
            benchmark=curve.benchmark,
        )
        for curve in model.curves
    ]
    return server_pb2.Model(
        name=model.name,
        alpha=model.alpha,
        curves=curves,
        digest=model.digest,
        state=_STATES[model.state],
        problem=model.problem,
        replicas=[
            server_pb2.Replica(host=one.host, live=one.live, in_work=one.in_work, problem=one.problem)
            for one in model.replicas
        ],
    )


def model_from_proto(model: server_pb2.Model) -> ServedModel:
    """Convert a message to a served model."""
    curves = tuple(
        CoverageCurve(curve.temperature, tuple((point.k, point.share) for point in curve.points), curve.benchmark)
        for curve in model.curves
    )
    alpha = model.alpha if model.HasField("alpha") else None
    state = next((state for state, value in _STATES.items() if value == model.state), ModelState.SERVED)
    replicas = tuple(ReplicaStatus(one.host, one.live, one.in_work, one.problem) for one in model.replicas)
    return ServedModel(model.name, alpha, curves, model.digest, state, model.problem, replicas)
