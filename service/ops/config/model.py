"""Settings of the language models: location of weights, sampling, and engines."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from prover.sampling.weights import SHIPPED
from service.ops.config.section import Section


class LocalModelSettings(Section):
    """vLLM engines in child processes, one for each checkpoint."""

    models: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Models of the folder to load; by default all."""
    context_tokens: int | None = Field(default=None, ge=64)
    """Maximum length of prompt plus answer; by default the checkpoint's own."""
    sequences: int = Field(default=64, ge=1, le=4096)
    """Maximum number of concurrent candidates of one engine."""
    best_first: bool = True
    """Whether waiting candidates are checked in order of the model's likelihood instead of their order of arrival."""
    gpu_memory: float = Field(default=0.9, gt=0, le=1)
    """Share of a GPU's memory for all engines together."""
    kv_cache_mib: int | None = Field(default=None, ge=1)
    """Size of each engine's cache of keys and values on a CPU; by default enough for `sequences` of full length, at
    most 1 GiB.
    """


class ReplicaSettings(Section):
    """Replicas of the engines on hosts of a Ray cluster, in place of local engines (docs/cluster.md)."""

    replicas: int = Field(default=0, ge=0, le=1024)
    """Number of replicas of each checkpoint of `model.path`, a folder that must exist on every host; 0: engines run
    locally.
    """
    of: dict[str, Annotated[int, Field(ge=1, le=1024)]] = Field(default_factory=dict)
    """Number of replicas for single checkpoints, by name: `{"base" = 4}`."""
    gpus: float = Field(default=0.0, ge=0, le=1)
    """GPUs per replica, 1 or a fraction of one; 0: it runs on the host's CPUs."""
    address: str = ""
    """Ray cluster, as in `lean.cluster`; empty: the same one. A process joins only one cluster."""
    token: Path | None = None
    """File with the token that the cluster requires; by default `lean.cluster_token`."""


class RemoteSettings(Section):
    """`vllm serve` processes, on this machine or others, in place of local engines."""

    urls: tuple[str, ...] = ()
    """Addresses of vLLM servers, such as `http://gpu1:8000`; the work of a failed one goes to the others.

    None: engines run locally.
    """
    api_key: SecretStr | None = None
    """Bearer token for the servers; better set in the environment (`LEANSIEVE_MODEL__REMOTE__API_KEY`) than here."""
    model: str = ""
    """The default model; empty: the base of the manifest in `model.path`, otherwise the first one listed."""
    prompt_format: str = "source"
    """Prompt format of models without a manifest: docs/training.md lists the names."""
    tokenizer: Path | None = None
    """Folder of the models' tokenizer, for prompt formats that need its chat template."""
    stop_texts: int = Field(default=4, ge=1)
    """Maximum number of stop texts that a server accepts, `VLLM_MAX_STOP_STRINGS` in its environment; answers are cut
    here at further ones.
    """
    sequences: int = Field(default=64, ge=1, le=4096)
    """Maximum number of concurrent candidates of one search on one server."""
    best_first: bool = True
    """Whether waiting candidates are checked in order of the model's likelihood instead of their order of arrival."""
    connect_seconds: float = Field(default=5.0, gt=0)
    """Time limit of a connection, and of a health check."""
    request_seconds: float = Field(default=300.0, gt=0)
    """Time limit of a candidate."""
    health_seconds: float = Field(default=5.0, gt=0)
    """Interval of health checks."""

    @field_validator("urls")
    @classmethod
    def _are_addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _addresses(urls)


class TutorSettings(Section):
    """Guidance of hints for learners, and a language model that rewords them under the vetoes of all hints; none by
    default.
    """

    guidance: str = "rules"
    """Choice of the proof that a learner is led along, and of the level of a first hint: by `rules`, by the policy
    `learnt` from simulated learners (docs/tutor.md), or by a policy in a file.
    """
    urls: tuple[str, ...] = ()
    """Addresses of `vllm serve` processes, such as `http://gpu1:8000`; none: hints are not reworded."""
    api_key: SecretStr | None = None
    """Bearer token for the servers; better set in the environment (`LEANSIEVE_TUTOR__API_KEY`) than here."""
    model: str = ""
    """Name of the model; empty: the first one listed."""
    seconds: float = Field(default=2.0, gt=0, le=60)
    """Time limit of rewording a hint, including revisions; after it, the template is used."""

    @field_validator("urls")
    @classmethod
    def _are_addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _addresses(urls)


def _addresses(urls: tuple[str, ...]) -> tuple[str, ...]:
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise ValueError("the address of a vLLM server must begin with http:// or https://")
        if "@" in url:
            raise ValueError("the address of a vLLM server must not contain a password: use api_key")
    return urls


class ModelSettings(Section):
    """The language models of the sampler `model`, run by vLLM; none by default."""

    path: Path | None = None
    """Folder of weights with their manifest, or of one Hugging Face checkpoint; `shipped` for the weights included in
    leansieve. With `remote.urls`: the folder whose manifest has the measured curves of the remote models.
    """
    focus: float | None = Field(default=None, ge=0, le=1)
    """Default focus: from 0, coverage, to 1, precision. None: the base model with the parameters below."""
    temperature: float = Field(default=1.0, ge=0)
    """Softmax temperature; 0 is greedy."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int = Field(default=256, ge=1)
    """Maximum length of a candidate in tokens."""
    engine: LocalModelSettings = LocalModelSettings()
    """Local engines."""
    cluster: ReplicaSettings = ReplicaSettings()
    """Engines on other hosts."""
    remote: RemoteSettings = RemoteSettings()
    """Remote servers."""

    @field_validator("path")
    @classmethod
    def _shipped(cls, path: Path | None) -> Path | None:
        return SHIPPED if path == Path("shipped") else path
