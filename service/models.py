"""The models of this server: what requests mean by a focus, an α or a name, and new weights in place of old ones."""

import hashlib

from prover.budget import Budget
from prover.sampling.focus import affordable, choose
from prover.sampling.sampler import SamplerUnavailableError, SamplingParams
from prover.sampling.vllm_engine import VllmEngineSampler
from prover.sampling.weights import Model, Weights, WeightsError
from service.config import ModelSettings
from service.errors import InputError
from service.requests import CoverageCurve, RefusedError, ServedModel, UnavailableError
from service.sampling import Sampling

_CHECKS_PER_SECOND = 10.0
"""Of one worker: what a budget of seconds pays for, where nothing better is known."""


class Models:
    """What the sampler `model` offers; nothing, if the settings name no weights."""

    def __init__(self, settings: ModelSettings) -> None:
        """Nothing is loaded yet."""
        self._settings = settings
        self.sampler = None if settings.path is None else VllmEngineSampler(settings.path)

    @property
    def served(self) -> tuple[ServedModel, ...]:
        """The models that requests may name."""
        if self.sampler is None:
            return ()
        weights = self.sampler.weights
        if weights is None:
            return tuple(ServedModel(name) for name in self.sampler.models)
        return tuple(_served(weights.model(name)) for name in self.sampler.models)

    def params(self, sampling: Sampling, budget: Budget, workers: int, priority: int = 0) -> SamplingParams:
        """What a request means.

        Raises:
            InputError: there is no such model.
        """
        settings = self._settings
        model, temperature, top_p = self._model(sampling), sampling.temperature, sampling.top_p
        focus = settings.focus if sampling.focus is None else sampling.focus
        weights = None if self.sampler is None else self.sampler.weights
        if weights is not None and (focus is not None or model):
            loaded = [one for one in weights.models if one.name in (self.sampler.models if self.sampler else ())]
            samples = affordable(budget.samples, budget.checks, budget.seconds, _CHECKS_PER_SECOND * max(1, workers))
            focus = 0.0 if focus is None else focus
            choice = choose(loaded, focus, samples, budget.proofs, model or None, temperature)
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
            priority=priority,
        )

    async def reload(self) -> tuple[ServedModel, ...]:
        """Take in what the folder of weights holds now; the old ones are served on if it cannot be used.

        Raises:
            RefusedError: there is no model, or the new weights cannot be used.
            UnavailableError: an engine was lost.
        """
        if self.sampler is None:
            raise RefusedError("this server has no model: set model.path to a folder of weights and start it again")
        try:
            await self.sampler.reload()
        except WeightsError as error:
            raise RefusedError(f"the weights cannot be used, the old ones are served on: {error}") from None
        except SamplerUnavailableError as error:
            raise UnavailableError(str(error)) from None
        return self.served

    def _model(self, sampling: Sampling) -> str:
        """The name of the model that is asked for; empty: whichever."""
        if not sampling.model and sampling.alpha is None:
            return ""
        names = () if self.sampler is None else self.sampler.models
        if sampling.model:
            if sampling.model in names:
                return sampling.model
            there = ", ".join(names) or "none"
            raise InputError("sampling.model", f"there is no model {sampling.model!r}; there is {there}")
        weights = None if self.sampler is None else self.sampler.weights
        tuned = {model.alpha: model.name for model in _tuned(weights) if model.name in names}
        if sampling.alpha in tuned:
            return tuned[sampling.alpha]
        there = ", ".join(f"{alpha:g}" for alpha in sorted(alpha for alpha in tuned if alpha is not None)) or "none"
        raise InputError("sampling.alpha", f"no model was tuned at α = {sampling.alpha:g}; there is {there}")


def _tuned(weights: Weights | None) -> list[Model]:
    return [] if weights is None else [model for model in weights.models if model.alpha is not None]


def _served(model: Model) -> ServedModel:
    files = "".join(f"{name} {digest}\n" for name, digest in sorted(model.files.items()))
    curves = (
        CoverageCurve(curve.temperature, tuple(sorted(curve.pass_at_k.items())), curve.corpus) for curve in model.curves
    )
    return ServedModel(model.name, model.alpha, tuple(curves), hashlib.sha256(files.encode()).hexdigest())
