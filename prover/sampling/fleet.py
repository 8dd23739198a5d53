"""The engines that serve a folder of weights: which holds what, whether it holds it right, and how new weights come in."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prover.lean.capacity import free_memory
from prover.prompt import PromptFormat, SourceFormat
from prover.sampling.engine import Engine
from prover.sampling.engine_settings import EngineSettings, memory_needed
from prover.sampling.questions import Formats
from prover.sampling.sampler import SamplerStats, SamplerUnavailableError
from prover.sampling.served import Served, adapter_rank, check_probe, check_shapes
from prover.sampling.vllm_platform import built_for_cpu
from prover.sampling.weights import MANIFEST, Model, Weights, WeightsError, read_weights, verify_files

logger = logging.getLogger(__name__)


class Fleet:
    """See the module."""

    def __init__(self, folder: Path, settings: EngineSettings, formats: Formats) -> None:
        """Nothing is read or loaded yet.

        Args:
            folder: with a manifest, or else a single checkpoint.
            settings: of all engines.
            formats: makes the prompt format that the manifest names.
        """
        self.folder = folder
        self.weights: Weights | None = None
        self.served: Mapping[str, Served] = {}
        self.default = ""
        self.retired: list[SamplerStats] = []  # of engines that are gone
        self._left_out: set[str] = set()  # models for which there was no memory
        self._settings = settings
        self._formats = formats
        self._engines: list[Engine] = []
        self._lock = asyncio.Lock()  # held by whoever changes what is served
        self._reviving: dict[Engine, asyncio.Task[None]] = {}

    @property
    def engines(self) -> Sequence[Engine]:
        """All that run."""
        return self._engines

    async def start(self) -> None:
        """Load everything: tens of seconds an engine.

        Raises:
            SamplerUnavailableError: it cannot be served; then nothing is left running.
        """
        async with self._lock:
            try:
                if (self.folder / MANIFEST).exists():
                    await self._start_manifest()
                else:
                    engine = await self._new_engine(self.folder.name, self.folder, self._settings)
                    self.default = self.folder.name
                    self.served = {self.default: Served(self.default, engine, SourceFormat())}
            except WeightsError as error:
                await self._close_engines()
                raise SamplerUnavailableError(str(error)) from None
            except BaseException:
                await self._close_engines()
                raise

    async def close(self) -> None:
        """Stop all engines; those that are being loaded, as soon as they are."""
        for reviving in self._reviving.values():
            reviving.cancel()
        await self._close_engines()

    def revive(self, engine: Engine) -> None:
        """Start an engine again whose process has died; returns at once."""
        if engine not in self._reviving and engine in self._engines:
            self._reviving[engine] = asyncio.create_task(self._revive(engine))

    async def reload(self) -> Weights:
        """Serve what the folder's manifest says now.

        Engines that change let their running requests finish and have new ones wait. Everything that can be looked at is
        looked at before; if something fails after that all the same, the old weights are loaded again.

        Raises:
            WeightsError: the new weights are refused, and the old ones are served as before.
            SamplerUnavailableError: an engine does not run any more.
        """
        async with self._lock:
            old = self.weights
            if old is None:
                raise WeightsError(f"{self.folder} is a bare checkpoint without {MANIFEST}: there is nothing to reload")
            new, models = await asyncio.to_thread(self._read)
            changed = [model for model in models if not self._serves(model)]
            before = self.served
            await asyncio.to_thread(self._check_compatible, old, new, models, changed)
            try:
                async with contextlib.AsyncExitStack() as undo:
                    await self._change(new, models, changed, undo)
                    undo.pop_all()
            except SamplerUnavailableError as error:
                if any(engine.dead for engine in self._engines):
                    raise
                raise WeightsError(str(error)) from None
            await self._retire(before.values())
            return new

    def _serves(self, model: Model) -> bool:
        """Whether a model is loaded as the manifest has it now; its curves may have changed."""
        served = self.served.get(model.name)
        return served is not None and served.model is not None and served.model.files == model.files

    def _read(self) -> tuple[Weights, list[Model]]:
        """The manifest and the models to load; all their files are looked at. Blocking."""
        weights = read_weights(self.folder)
        wanted = self._settings.models
        try:
            models = list(weights.models) if wanted is None else [weights.model(name) for name in wanted]
        except ValueError as error:
            raise WeightsError(f"{self.folder / MANIFEST}: {error}") from None
        models = [model for model in models if model.name not in self._left_out]
        base = weights.model(weights.base)
        if base not in models and any(model.kind == "adapter" for model in models):
            models.append(base)
        for model in models:
            verify_files(self.folder, model)
            tokenizer = model.files.get("tokenizer.json")
            if model.kind == "checkpoint" and tokenizer != base.files.get("tokenizer.json"):
                raise WeightsError(f"the model {model.name} has another tokenizer.json than the base {base.name}")
        return weights, models

    async def _start_manifest(self) -> None:
        weights, models = await asyncio.to_thread(self._read)
        models = self._fitting(weights, models) if built_for_cpu() else models
        checkpoints = [model for model in models if model.kind == "checkpoint"]
        adapters = [model for model in models if model.kind == "adapter"]
        settings = replace(self._settings, gpu_memory=self._settings.gpu_memory / len(checkpoints))
        ranks = [adapter_rank(self.folder / model.folder) for model in adapters]
        served: dict[str, Served] = {}
        for model in checkpoints:
            on_base = ranks if model.name == weights.base else []
            engine = await self._new_engine(model.name, self.folder / model.folder, settings, on_base)
            served[model.name] = Served(model.name, engine, self._form(weights, engine), model)
        for model in adapters:
            served[model.name] = await self._with_adapter(model, served[weights.base])
        for one in served.values():
            await check_probe(one)
        self._serve(weights, {model.name: served[model.name] for model in models})

    def _serve(self, weights: Weights, served: Mapping[str, Served]) -> None:
        self.served, self.weights = served, weights
        # Who is asked if a request names nobody: the base, if it is loaded.
        self.default = weights.base if weights.base in served else next(iter(served))

    def _fitting(self, weights: Weights, models: Sequence[Model]) -> list[Model]:
        """The models whose engines this machine's memory holds, the base first of all; a tenth is left to others."""
        room, kept = 0.9 * free_memory(), 0
        for model in sorted(models, key=lambda model: model.name != weights.base):
            if model.kind == "checkpoint":
                needed = memory_needed(self.folder / model.folder, self._settings)
                if needed > room and kept:
                    self._left_out.add(model.name)
                    logger.warning(
                        "the model %s is left out: it needs %d MiB, and %d MiB are free",
                        model.name,
                        needed >> 20,
                        int(room) >> 20,
                    )
                else:
                    room -= needed
                    kept += 1
        return [model for model in models if model.name not in self._left_out]

    async def _new_engine(
        self, name: str, checkpoint: Path, settings: EngineSettings, ranks: Sequence[int] = ()
    ) -> Engine:
        engine = Engine(name, checkpoint, settings, adapters=len(ranks), rank=max(ranks, default=8))
        self._engines.append(engine)
        await engine.start()
        return engine

    def _form(self, weights: Weights, engine: Engine) -> PromptFormat:
        try:
            return self._formats(weights.prompt_format, engine.tokenizer)
        except ValueError as error:
            raise WeightsError(f"{self.folder / MANIFEST}, prompt_format: {error}") from None

    async def _with_adapter(self, model: Model, base: Served) -> Served:
        return replace(
            base, name=model.name, model=model, adapter=await base.engine.add_adapter(self.folder / model.folder)
        )

    def _check_compatible(self, old: Weights, new: Weights, models: Iterable[Model], changed: Iterable[Model]) -> None:
        """Refuse early what could not be loaded into the engines that run, or not be undone. Blocking."""
        if (old.prompt_format, old.base) != (new.prompt_format, new.base):
            raise WeightsError("prompt_format and base cannot change while the models are served: restart instead")
        tokenizer = old.model(old.base).files.get("tokenizer.json")
        if tokenizer != new.model(new.base).files.get("tokenizer.json"):
            raise WeightsError("the tokenizer cannot change while the models are served: restart instead")
        base = self.served.get(new.base)
        adapters, most = sum(model.kind == "adapter" for model in models), base.engine.most_adapters if base else 0
        if adapters > most:
            raise WeightsError(f"there are {adapters} adapters, but the engine was started for {most}: restart instead")
        for model in changed:
            home = self.folder / model.folder
            if model.kind == "adapter":
                rank, largest = adapter_rank(home), base.engine.largest_rank if base else 0
                if rank > largest:
                    raise WeightsError(
                        f"the adapter {model.name} has rank {rank}, but the engine was started for ranks up to {largest}: restart instead"
                    )
            elif (served := self.served.get(model.name)) is not None:
                assert served.model is not None
                if served.model.kind != model.kind:
                    raise WeightsError(f"{model.name} was an adapter: restart to serve it as a checkpoint")
                check_shapes(model.name, self.folder / served.model.folder, home)
                try:
                    verify_files(self.folder, served.model)
                except WeightsError as error:
                    raise WeightsError(
                        f"the old weights of {model.name} are not there any more in case the new ones fail ({error}): "
                        "write new weights into a folder of their own"
                    ) from None

    async def _change(
        self, weights: Weights, models: Sequence[Model], changed: Sequence[Model], undo: contextlib.AsyncExitStack
    ) -> None:
        """Load what changed, see that it is right, and serve it; what is pushed on `undo` brings the old state back."""
        served = {model.name: replace(self.served[model.name], model=model) for model in models if model not in changed}
        whole = [model for model in changed if model.kind == "checkpoint"]
        # 1. New engines beside the old ones.
        for model in whole:
            if model.name not in self.served:
                share = self._settings.gpu_memory / max(1, len(self._engines))
                home, settings = self.folder / model.folder, replace(self._settings, gpu_memory=share)
                undo.push_async_callback(self._close_engines, self._engines[:])
                engine = await self._new_engine(model.name, home, settings)
                served[model.name] = Served(model.name, engine, next(iter(self.served.values())).form, model)
                await check_probe(served[model.name])
        # 2. Engines that change are quiet from here to the end.
        base = self.served.get(self.weights.base) if self.weights else None
        engines = {self.served[model.name].engine for model in whole if model.name in self.served}
        if base is not None and len(whole) < len(changed):
            engines.add(base.engine)
        async with contextlib.AsyncExitStack() as quiet:
            for engine in engines:
                await quiet.enter_async_context(engine.paused())
            try:
                # 3. Weights into them, then adapters on top.
                for model in whole:
                    if model.name in self.served:
                        one = self.served[model.name]
                        undo.push_async_callback(one.engine.load, one.engine.checkpoint)
                        await one.engine.load(self.folder / model.folder)
                        served[model.name] = replace(one, model=model)
                for model in changed:
                    if model.kind == "adapter":
                        assert base is not None
                        served[model.name] = await self._with_adapter(model, base)
                        undo.push_async_callback(base.engine.remove_adapter, served[model.name].adapter)
                # 4. An engine that took them in may have them wrong all the same.
                for one in served.values():
                    if one.engine in engines:
                        await check_probe(one)
            except BaseException:
                await undo.aclose()  # before anybody is answered again
                raise
            self._serve(weights, {model.name: served[model.name] for model in models})

    async def _retire(self, before: Iterable[Served]) -> None:
        """Give back what nobody can ask any more, once it is idle."""
        used = {one.engine for one in self.served.values()}
        for one in before:
            if one.engine not in used and one.engine in self._engines:
                async with one.engine.paused():
                    self.retired.append(replace(one.engine.stats(), running=0, waiting=0))
                    await self._close_engines([engine for engine in self._engines if engine is not one.engine])
            elif one.adapter is not None and one.adapter not in [other.adapter for other in self.served.values()]:
                async with one.engine.paused():
                    await one.engine.remove_adapter(one.adapter)

    async def _close_engines(self, keep: Sequence[Engine] = ()) -> None:
        """Close all engines but some."""
        closing = [engine for engine in self._engines if engine not in keep]
        self._engines = [engine for engine in self._engines if engine in keep]
        await asyncio.gather(*(engine.close() for engine in closing))

    async def _revive(self, engine: Engine) -> None:
        try:
            logger.warning("starting the engine of %s again: its process has died", engine.name)
            async with self._lock:
                await engine.close()
                await engine.start()
                for one in self.served.values():
                    if one.engine is engine:
                        await check_probe(one)
        except SamplerUnavailableError as error:
            logger.error("the engine of %s cannot be started again: %s", engine.name, error)
        finally:
            del self._reviving[engine]
