"""The engines that serve a folder of weights: their contents, verification, and the replacement of weights."""

import asyncio
import contextlib
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from prover.sampling.prompt import PromptFormat, SourceFormat
from prover.sampling.questions import Formats
from prover.sampling.sampler import SamplerStats, SamplerUnavailableError
from prover.sampling.selection import read_models, without_room
from prover.sampling.serving import Engines, Scoring, ServingEngine
from prover.sampling.vllm.engine import ProcessEngines
from prover.sampling.vllm.engine_settings import EngineSettings
from prover.sampling.vllm.served import Served, adapter_rank, check_compatible, check_probe
from prover.sampling.vllm.vllm_platform import built_for_cpu
from prover.sampling.weights import MANIFEST, Model, Weights, WeightsError

logger = logging.getLogger(__name__)


class Fleet:
    """All engines that serve a folder of weights."""

    def __init__(
        self, folder: Path, settings: EngineSettings, formats: Formats, engines: Engines | None = None
    ) -> None:
        """Create the fleet; nothing is read or loaded.

        Args:
            folder: folder with a manifest, or a single checkpoint.
            settings: settings of all engines.
            formats: resolves the name of the manifest's prompt format.
            engines: makes engines; by default in processes of this machine.
        """
        self.folder = folder
        self.weights: Weights | None = None
        self.served: Mapping[str, Served] = {}
        self.default = ""
        self.loading: Mapping[str, asyncio.Event] = {}  # models being loaded; set at the end
        self.failed: Mapping[str, str] = {}  # models that should be served but failed, with the reason
        self.retired: list[SamplerStats] = []  # of engines that were closed
        self._left_out: Collection[str] = ()  # models that do not fit into memory
        self._settings = settings
        self._formats = formats
        self._made_by = engines or ProcessEngines()
        self._engines: list[ServingEngine] = []
        self._lock = asyncio.Lock()  # held while models are added or removed
        self._reviving: dict[ServingEngine, asyncio.Task[None]] = {}
        self._later: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def engines(self) -> Sequence[ServingEngine]:
        """All running engines."""
        return self._engines

    @property
    def models(self) -> Sequence[str]:
        """Names of the models that are loaded or being loaded, in the manifest's order."""
        if self.weights is None:
            return list(self.served)
        return [one.name for one in self.weights.models if one.name in self.served or one.name in self.loading]

    async def start(self) -> None:
        """Load all models; with `EngineSettings.background` return after the base and load the others later.

        Raises:
            SamplerUnavailableError: the folder cannot be served; then no engine is left running.
        """
        async with self._lock:
            try:
                await self._made_by.open()
                if (self.folder / MANIFEST).exists():
                    await self._start_manifest()
                else:
                    engine = await self._new_engine(self.folder.name, self.folder, self._settings)
                    self.default = self.folder.name
                    self.served = {self.default: Served(self.default, engine, SourceFormat())}
            except WeightsError as error:
                await self._end()
                raise SamplerUnavailableError(str(error)) from None
            except BaseException:
                await self._end()
                raise

    async def arrived(self, name: str) -> None:
        """Wait until this model is loaded, if it is going to be.

        Raises:
            SamplerUnavailableError: it could not be loaded.
        """
        if (on_its_way := self.loading.get(name)) is not None:
            await on_its_way.wait()
        if name in self.failed:
            raise SamplerUnavailableError(f"the model {name} could not be loaded: {self.failed[name]}")

    async def close(self) -> None:
        """Stop all engines, even those being loaded."""
        for task in [*self._reviving.values(), *filter(None, [self._later])]:
            task.cancel()
        await self._end()

    def revive(self, engine: ServingEngine) -> None:
        """Restart an engine whose process has died; returns at once."""
        if not engine.heals and engine not in self._reviving and engine in self._engines:
            self._reviving[engine] = asyncio.create_task(self._revive(engine))

    async def reload(self) -> Weights:
        """Serve the models of the folder's current manifest.

        Changing engines finish their running requests while new ones wait. Everything that can be verified is verified
        first; if a later step fails, the old weights are restored.

        Raises:
            WeightsError: the new weights are rejected, and the old ones are served as before.
            SamplerUnavailableError: an engine has stopped running.
        """
        async with self._lock:
            old = self.weights
            if old is None:
                raise WeightsError(f"{self.folder} is a bare checkpoint without {MANIFEST}: there is nothing to reload")
            new, models = await asyncio.to_thread(self._read)
            changed = [model for model in models if not self._serves(model)]
            before = self.served
            await asyncio.to_thread(check_compatible, self.folder, self.served, old, new, models, changed)
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
        """Whether a model is loaded as the current manifest describes it; its curves may differ."""
        served = self.served.get(model.name)
        return served is not None and served.model is not None and served.model.files == model.files

    def _read(self) -> tuple[Weights, list[Model]]:
        return read_models(self.folder, self._settings.models, self._left_out)

    async def _start_manifest(self) -> None:
        weights, models = await asyncio.to_thread(self._read)
        if not self._made_by.elsewhere and built_for_cpu():
            self.failed = without_room(self.folder, weights, models, self._settings)
            self._left_out = self.failed.keys()
            models = [one for one in models if one.name not in self._left_out]
        # The base comes first: it is the default model.
        whole = sorted((one for one in models if one.kind == "checkpoint"), key=lambda one: one.name != weights.base)
        adapters = [one for one in models if one.kind == "adapter"]
        settings = self._one_of(len(whole))
        now, later = (whole[:1], whole[1:]) if settings.background else (whole, [])
        served: dict[str, Served] = {}
        for model in now:
            served |= await self._load(weights, model, settings, adapters if model.name == weights.base else [])
        self._serve(weights, served)
        if later:
            self.loading = {model.name: asyncio.Event() for model in later}
            self._later = asyncio.create_task(self._load_later(later, settings))

    async def _load(
        self, weights: Weights, model: Model, settings: EngineSettings, adapters: Sequence[Model] = ()
    ) -> Mapping[str, Served]:
        """Load a checkpoint into a new engine, with its adapters."""
        ranks = [adapter_rank(self.folder / one.folder) for one in adapters]
        engine = await self._new_engine(model.name, self.folder / model.folder, settings, ranks)
        base = Served(model.name, engine, self._form(weights, engine), model)
        served = {model.name: base} | {one.name: await self._with_adapter(one, base) for one in adapters}
        for one in served.values():
            await check_probe(one)
        return served

    async def _load_later(self, models: Sequence[Model], settings: EngineSettings) -> None:
        """Load checkpoints while others are served. Failures are recorded in `failed` and the log."""
        try:
            async with self._lock:
                for model in models:
                    assert self.weights is not None
                    engines = self._engines[:]
                    try:
                        self._serve(self.weights, {**self.served, **await self._load(self.weights, model, settings)})
                        logger.info("the model %s is loaded", model.name)
                    except (SamplerUnavailableError, WeightsError) as error:
                        logger.error("the model %s cannot be loaded: %s", model.name, error)
                        self.failed = {**self.failed, model.name: str(error)}
                        await self._close_engines(engines)
                    self._over([model.name])
        finally:
            self._over(list(self.loading))  # end waits for models that will not be loaded

    def _over(self, names: Sequence[str]) -> None:
        """Record that loading these models has ended, with or without success."""
        for name in names:
            self.loading[name].set()
        self.loading = {name: event for name, event in self.loading.items() if name not in names}

    def _serve(self, weights: Weights, served: Mapping[str, Served]) -> None:
        names = [one.name for one in weights.models]
        self.served, self.weights = {name: served[name] for name in names if name in served}, weights
        self.failed = {name: why for name, why in self.failed.items() if name in names and name not in served}
        # The default model: the base, if it is loaded.
        self.default = weights.base if weights.base in served else next(iter(served))

    def _one_of(self, engines: int) -> EngineSettings:
        """Return the settings of one of so many engines, which share this machine's GPU."""
        share = 1 if self._made_by.elsewhere else engines
        return replace(self._settings, gpu_memory=self._settings.gpu_memory / share)

    async def _new_engine(
        self, name: str, checkpoint: Path, settings: EngineSettings, ranks: Sequence[int] = ()
    ) -> ServingEngine:
        async def check(copy: Scoring) -> None:
            for one in self.served.values():
                if one.engine is engine:
                    await check_probe(one, copy)

        rank = max(ranks, default=8)
        engine = self._made_by.make(name, checkpoint, settings, len(ranks), rank, self._lock, check)
        self._engines.append(engine)
        await engine.start()
        return engine

    def _form(self, weights: Weights, engine: ServingEngine) -> PromptFormat:
        try:
            return self._formats(weights.prompt_format, engine.tokenizer)
        except ValueError as error:
            raise WeightsError(f"{self.folder / MANIFEST}, prompt_format: {error}") from None

    async def _with_adapter(self, model: Model, base: Served) -> Served:
        return replace(
            base, name=model.name, model=model, adapter=await base.engine.add_adapter(self.folder / model.folder)
        )

    async def _change(
        self, weights: Weights, models: Sequence[Model], changed: Sequence[Model], undo: contextlib.AsyncExitStack
    ) -> None:
        """Load the changes, verify them and serve them; callbacks pushed on `undo` restore the old state."""
        served = {model.name: replace(self.served[model.name], model=model) for model in models if model not in changed}
        whole = [model for model in changed if model.kind == "checkpoint"]
        # 1. Start new engines in addition to the old ones.
        for model in whole:
            if model.name not in self.served:
                settings = self._one_of(max(1, len(self._engines)))
                undo.push_async_callback(self._close_engines, self._engines[:])
                served |= await self._load(weights, model, settings)
        # 2. Pause the changing engines until the end.
        base = self.served.get(self.weights.base) if self.weights else None
        engines = {self.served[model.name].engine for model in whole if model.name in self.served}
        if base is not None and len(whole) < len(changed):
            engines.add(base.engine)
        async with contextlib.AsyncExitStack() as quiet:
            for engine in engines:
                await quiet.enter_async_context(engine.paused())
            try:
                # 3. Load weights into them, then adapters.
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
                # 4. Verify the weights: an engine may have loaded them incorrectly without an error.
                for one in served.values():
                    if one.engine in engines:
                        await check_probe(one)
            except BaseException:
                await undo.aclose()  # before requests are answered again
                raise
            self._serve(weights, {model.name: served[model.name] for model in models})

    async def _retire(self, before: Iterable[Served]) -> None:
        """Unload models that are no longer served, once they are idle."""
        used = {one.engine for one in self.served.values()}
        for one in before:
            if one.engine not in used and one.engine in self._engines:
                async with one.engine.paused():
                    self.retired.append(replace(one.engine.stats(), running=0, waiting=0))
                    await self._close_engines([engine for engine in self._engines if engine is not one.engine])
            elif one.adapter is not None and one.adapter not in [other.adapter for other in self.served.values()]:
                async with one.engine.paused():
                    await one.engine.remove_adapter(one.adapter)

    async def _end(self) -> None:
        await self._close_engines()
        await self._made_by.close()

    async def _close_engines(self, keep: Sequence[ServingEngine] = ()) -> None:
        """Close all engines except some."""
        closing = [engine for engine in self._engines if engine not in keep]
        self._engines = [engine for engine in self._engines if engine in keep]
        # If the caller is cancelled here, the engines are closed all the same, and `close` waits for them, too.
        self._closing = {task for task in self._closing if not task.done()}
        self._closing |= {asyncio.create_task(engine.close()) for engine in closing}
        await asyncio.shield(asyncio.gather(*self._closing))

    async def _revive(self, engine: ServingEngine) -> None:
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
