"""The server's models: resolves a focus, an α or a name, and replaces weights."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from prover.errors import InputError, UserError
from prover.lean.cluster.ray.local import token_of
from prover.options import Budget, Sampling
from prover.requests import CoverageCurve, ModelState, RefusedError, ServedModel, UnavailableError
from prover.sampling.focus import affordable, choose
from prover.sampling.remote.vllm_server import RemoteServerSettings, VllmServerSampler
from prover.sampling.replicas.engines import ReplicatedEngines
from prover.sampling.replicas.ray import RayPlaces
from prover.sampling.sampler import SamplerUnavailableError, SamplingParams
from prover.sampling.vllm.vllm_engine import EngineSettings, VllmEngineSampler
from prover.sampling.weights import Model, Weights, WeightsError, read_weights
from service.ops.config import LeanSettings, ModelSettings
from training.model.prompts import prompt_format

_CHECKS_PER_SECOND = 10.0
"""Checks per second of one worker, an estimate for the number of samples that a time budget pays for."""


class Models:
    """The models of the sampler `model`; empty if the settings name no weights."""

    def __init__(self, settings: ModelSettings, lean: LeanSettings | None = None) -> None:
        """Create the models; nothing is loaded.

        Args:
            settings: settings of models.
            lean: settings of Lean, for the cluster if those of the models name none.

        Raises:
            UserError: the settings are inconsistent.
        """
        self._settings = settings
        self.sampler = _sampler(settings, lean or LeanSettings())

    @property
    def served(self) -> tuple[ServedModel, ...]:
        """The models that requests may name, including failed ones."""
        if self.sampler is None:
            return ()
        weights, loading, failed = self.sampler.weights, self.sampler.loading, self.sampler.failed
        known = {} if weights is None else {model.name: _described(model) for model in weights.models}
        replicas = self.sampler.replicas
        models = [
            replace(known.get(name, ServedModel(name)), replicas=replicas.get(name, ())) for name in self.sampler.models
        ]
        return (
            *(replace(one, state=ModelState.LOADING) if one.name in loading else one for one in models),
            *(
                replace(known.get(name, ServedModel(name)), state=ModelState.FAILED, problem=why)
                for name, why in failed.items()
            ),
        )

    def params(self, sampling: Sampling, budget: Budget, workers: int, priority: int = 0) -> SamplingParams:
        """Resolve the sampling of a request.

        Raises as `resolve_sampling`, and UnavailableError for a model that has failed.
        """
        weights, loaded = (None, ()) if self.sampler is None else (self.sampler.weights, self.sampler.models)
        for one in self.served:
            asked = one.name == sampling.model or (one.alpha is not None and one.alpha == sampling.alpha)
            if asked and one.state is ModelState.FAILED:
                raise UnavailableError(f"the model {one.name} cannot be asked: {one.problem}")
        return replace(resolve_sampling(sampling, budget, workers, self._settings, weights, loaded), priority=priority)

    async def reload(self) -> tuple[ServedModel, ...]:
        """Load the weights now in the folder; the old ones stay in use if these cannot be used.

        Raises:
            RefusedError: no model is configured, or the new weights cannot be used.
            UnavailableError: an engine was lost.
        """
        if self.sampler is None:
            raise RefusedError(
                "this server has no model: set model.path to a folder of weights or model.remote.urls, and start it again"
            )
        try:
            if isinstance(self.sampler, VllmServerSampler):
                await self.sampler.reload(_manifest(self._settings))
            else:
                await self.sampler.reload()
        except WeightsError as error:
            raise RefusedError(f"the weights cannot be used, the old ones are served on: {error}") from None
        except SamplerUnavailableError as error:
            raise UnavailableError(str(error)) from None
        return self.served


def _sampler(settings: ModelSettings, lean: LeanSettings) -> VllmEngineSampler | VllmServerSampler | None:
    remote = settings.remote
    if settings.cluster.replicas and (remote.urls or settings.path is None):
        raise UserError("model.cluster.replicas are of the weights in model.path, without model.remote.urls")
    if remote.urls:
        try:
            weights = _manifest(settings)
        except WeightsError as error:
            raise UserError(str(error)) from None
        how = RemoteServerSettings(**remote.model_dump(exclude={"urls"}))
        return VllmServerSampler(remote.urls, how, weights, prompt_format)
    if settings.path is None:
        return None
    how_engines = EngineSettings(**settings.engine.model_dump(), background=True)
    return VllmEngineSampler(settings.path, how_engines, prompt_format, _elsewhere(settings, lean))


def _elsewhere(settings: ModelSettings, lean: LeanSettings) -> ReplicatedEngines | None:
    """Return engines on hosts of a cluster, if configured."""
    cluster = settings.cluster
    if not cluster.replicas:
        if cluster.of:
            raise UserError("model.cluster.of needs model.cluster.replicas, for the other checkpoints")
        return None
    address = cluster.address or lean.cluster
    if not address:
        raise UserError("model.cluster.replicas needs a cluster: set model.cluster.address, or lean.cluster")
    if lean.cluster not in ("", address):
        raise UserError(f"a process joins one cluster: lean.cluster is {lean.cluster}, model.cluster.address {address}")
    try:
        names = [one.name for one in read_weights(settings.path).models] if cluster.of and settings.path else []
        if unknown := next((name for name in cluster.of if name not in names), ""):
            raise UserError(
                f"model.cluster.of names {unknown}, and {settings.path} has {', '.join(names) or 'no model'}"
            )
        places = RayPlaces(address, cluster.gpus, cluster.token or lean.cluster_token or token_of(address))
    except (SamplerUnavailableError, WeightsError) as error:
        raise UserError(str(error)) from None
    return ReplicatedEngines(places, cluster.replicas, cluster.of)


def _manifest(settings: ModelSettings) -> Weights | None:
    """Return the manifest of remote models, if any."""
    return None if settings.path is None else read_weights(settings.path)


def resolve_sampling(
    sampling: Sampling,
    budget: Budget,
    workers: int,
    settings: ModelSettings,
    weights: Weights | None,
    loaded: Sequence[str],
) -> SamplingParams:
    """Resolve sampling parameters: the request's own, otherwise those measured best for its focus, otherwise the
    settings'.

    Args:
        sampling: parameters of the request.
        budget: budget of the request.
        workers: number of workers that check samples.
        settings: settings of the server.
        weights: manifest of the served weights; None for a bare checkpoint.
        loaded: names of available models.

    Raises:
        InputError: the model is unknown.
    """
    model, temperature, top_p = _model(sampling, weights, loaded), sampling.temperature, sampling.top_p
    focus = settings.focus if sampling.focus is None else sampling.focus
    candidates = [] if weights is None else [one for one in weights.models if one.name in loaded]
    if candidates and (focus is not None or model):
        samples = affordable(budget.samples, budget.checks, budget.seconds, _CHECKS_PER_SECOND * max(1, workers))
        choice = choose(candidates, focus or 0.0, samples, budget.proofs, model or None, temperature)
        if choice is not None:
            model = choice.model
            temperature = choice.temperature if temperature is None else temperature
            top_p = choice.top_p if top_p is None else top_p
    return SamplingParams(
        samples=budget.samples,
        temperature=settings.temperature if temperature is None else temperature,
        top_p=settings.top_p if top_p is None else top_p,
        max_tokens=settings.max_tokens if sampling.max_tokens is None else sampling.max_tokens,
        seed=sampling.seed,
        model=model,
    )


def _model(sampling: Sampling, weights: Weights | None, loaded: Sequence[str]) -> str:
    """Return the name of the requested model; empty: any."""
    if sampling.model:
        if sampling.model in loaded:
            return sampling.model
        known = ", ".join(loaded) or "none"
        raise InputError("sampling.model", f"there is no model {sampling.model!r}; there is {known}")
    if sampling.alpha is None:
        return ""
    models = () if weights is None else weights.models
    tuned = {one.alpha: one.name for one in models if one.alpha is not None and one.name in loaded}
    if sampling.alpha in tuned:
        return tuned[sampling.alpha]
    known = ", ".join(f"{alpha:g}" for alpha in sorted(tuned)) or "none"
    raise InputError("sampling.alpha", f"no model was tuned at α = {sampling.alpha:g}; there is {known}")


def _described(model: Model) -> ServedModel:
    files = "".join(f"{name} {digest}\n" for name, digest in sorted(model.files.items()))
    curves = (
        CoverageCurve(curve.temperature, tuple(sorted(curve.pass_at_k.items())), curve.corpus) for curve in model.curves
    )
    return ServedModel(model.name, model.alpha, tuple(curves), hashlib.sha256(files.encode()).hexdigest())
