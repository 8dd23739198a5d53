"""Starts the sampler of a run from its settings: an engine here, or hosts of a cluster."""

from pathlib import Path

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from training.model.llama import save_for_serving
from training.rollouts.engine import RolloutEngine
from training.rollouts.hosts.engine import ClusterEngine, SamplingPlace
from training.rollouts.hosts.host import HostSettings
from training.rollouts.requests import RolloutSampler
from training.run.run import Run


def start_engine(
    run: Run,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    context: int,
    stop: tuple[str, ...],
    samples_base: bool,
    place: SamplingPlace | None,
) -> RolloutSampler:
    """Load the sampling engine with the model's weights, which takes tens of seconds.

    Args:
        context: maximum length of prompt plus answer in tokens.
        stop: texts that end an answer.
        samples_base: whether the frozen base samples.
        place: hosts that sample; None: this process.

    Raises:
        SamplerUnavailableError: vLLM cannot serve the model here, or on no host, or there is no cluster.
        OSError: the weights cannot be written.
    """
    settings, lora = run.config.rollouts, run.config.model.lora
    base, dtype = run.config.model.path, run.config.model.dtype
    assert settings is not None
    assert base is not None
    pushed = run.folder / "engine"
    own_base = lora is not None or samples_base
    if place is not None:
        cluster = _on_hosts(run, place, base.absolute() if own_base else None, context, stop)
        return _opened(cluster, None if samples_base else (model, tokenizer))
    checkpoint = base if own_base else pushed / "start"
    if not own_base:
        save_for_serving(model, tokenizer, checkpoint, write=run.processes.first, dtype=dtype)
        run.processes.wait()
    engine = RolloutEngine(
        checkpoint,
        pushed,
        context,
        settings.sequences,
        settings.gpu_memory,
        None if lora is None else lora.rank,
        stop,
        run.processes,
        dtype,
        # With several trainers, too: vLLM joins a group of one, and a process can be in only one world.
        own_process=settings.max_staleness > 0 or run.processes.count > 1,
        parts=settings.parts,
    )
    if lora is not None and not samples_base:
        engine.push(model, tokenizer)
    run.set_threads()
    return engine


def _on_hosts(run: Run, place: SamplingPlace, base: Path | None, context: int, stop: tuple[str, ...]) -> ClusterEngine:
    """Return the engine on the hosts of `place`; None for `base`: the hosts use the pushed weights."""
    settings, lora = run.config.rollouts, run.config.model.lora
    assert settings is not None
    host_settings = HostSettings(
        base,
        context,
        settings.sequences,
        settings.gpu_memory,
        None if lora is None else lora.rank,
        stop,
        run.config.run.threads,
        transfer=settings.weight_transfer and run.device.type == "cuda" and base is None,
    )
    return ClusterEngine(
        place, host_settings, run.folder / "engine", settings.parts, run.config.model.dtype, run.report
    )


def _opened(cluster: ClusterEngine, pushed: tuple[PreTrainedModel, PreTrainedTokenizerBase] | None) -> ClusterEngine:
    """Open the engine with the weights of a model, unless it samples the base; it is closed if that fails."""
    try:
        if pushed is not None:
            cluster.write(*pushed)
        cluster.open()
    except BaseException:
        cluster.close()
        raise
    return cluster
