"""Settings of the language models: where their weights are, how they sample, and what runs them."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator

from prover.sampling.weights import SHIPPED
from service.ops.config.section import Section


class LocalModelSettings(Section):
    """vLLM in processes that this one starts, one for each checkpoint."""

    models: tuple[str, ...] | None = Field(default=None, min_length=1)
    """Those of the folder that are loaded; by default all."""
    context_tokens: int | None = Field(default=None, ge=64)
    """Longest prompt and answer together; by default what the checkpoint was made for."""
    sequences: int = Field(default=64, ge=1, le=4096)
    """Most candidates that one engine works on at once."""
    best_first: bool = True
    """Whether of the candidates that wait to be checked the one goes first that the model finds likeliest; else they go in their order."""
    gpu_memory: float = Field(default=0.9, gt=0, le=1)
    """Share of a GPU's memory that all engines together may take."""
    kv_cache_mib: int | None = Field(default=None, ge=1)
    """Room for keys and values of each engine on a CPU; by default what `sequences` of full length need, 1 GiB at most."""


class ReplicaSettings(Section):
    """Replicas of the engines on hosts of a Ray cluster, in place of engines here (docs/cluster.md)."""

    replicas: int = Field(default=0, ge=0, le=1024)
    """How many engines hold each checkpoint of `model.path`, which is a folder of every host; 0: engines run here."""
    of: dict[str, Annotated[int, Field(ge=1, le=1024)]] = Field(default_factory=dict)
    """… for the checkpoints that are named here: `{"base" = 4}`."""
    gpus: float = Field(default=0.0, ge=0, le=1)
    """GPUs of its host that a replica takes, 1 or a part of one; 0: it computes on the host's CPUs."""
    address: str = ""
    """Ray cluster, as in `lean.cluster`; empty: that one. A process joins one cluster only."""
    token: Path | None = None
    """File with the token that the cluster's members ask for; by default `lean.cluster_token`."""


class RemoteSettings(Section):
    """`vllm serve` processes, on this machine or others, in place of engines here."""

    urls: tuple[str, ...] = ()
    """Addresses of vLLM servers, as in `http://gpu1:8000`; one that fails loses its work to the others. None: engines run here."""
    api_key: SecretStr | None = None
    """What they want as bearer token; rather in the environment (`LEANSIEVE_MODEL__REMOTE__API_KEY`) than here."""
    model: str = ""
    """The default model; empty: the base of the manifest in `model.path`, else the first one listed."""
    prompt_format: str = "source"
    """How the models are asked, where no manifest says it: docs/training.md has the names."""
    tokenizer: Path | None = None
    """Folder of the models' tokenizer, for prompt formats that need its chat template."""
    stop_texts: int = Field(default=4, ge=1)
    """Most stop texts that a server takes, `VLLM_MAX_STOP_STRINGS` of its environment; at others answers are cut here."""
    sequences: int = Field(default=64, ge=1, le=4096)
    """Most candidates of one search that one server works on at once."""
    best_first: bool = True
    """Whether of the candidates that wait to be checked the one goes first that the model finds likeliest; else they go in their order."""
    connect_seconds: float = Field(default=5.0, gt=0)
    """Longest wait for a connection, and for an answer about health."""
    request_seconds: float = Field(default=300.0, gt=0)
    """Longest wait for a candidate."""
    health_seconds: float = Field(default=5.0, gt=0)
    """Between two questions for health."""

    @field_validator("urls")
    @classmethod
    def _are_addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _addresses(urls)


class TutorSettings(Section):
    """What decides about hints for learners, and a language model that rewords them under the vetoes of all hints; none by default."""

    guidance: str = "rules"
    """Which of several proofs a learner is led along, and how much a first hint gives away: by `rules`, by the policy that was `learnt` from
    simulated learners (docs/tutor.md), or by one in a file."""
    urls: tuple[str, ...] = ()
    """Addresses of `vllm serve` processes, as in `http://gpu1:8000`; none: hints stay as their templates have them."""
    api_key: SecretStr | None = None
    """What they want as bearer token; rather in the environment (`LEANSIEVE_TUTOR__API_KEY`) than here."""
    model: str = ""
    """The model that is asked; empty: the first one listed."""
    seconds: float = Field(default=2.0, gt=0, le=60)
    """How long a hint may wait for its words, revisions included; then its template is given."""

    @field_validator("urls")
    @classmethod
    def _are_addresses(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return _addresses(urls)


def _addresses(urls: tuple[str, ...]) -> tuple[str, ...]:
    for url in urls:
        if not url.startswith(("http://", "https://")):
            raise ValueError("the address of a vLLM server must begin with http:// or https://")
        if "@" in url:
            raise ValueError("the address of a vLLM server must hold no password: there is api_key for that")
    return urls


class ModelSettings(Section):
    """The language models behind the sampler `model`, run by vLLM; none by default."""

    path: Path | None = None
    """Folder of weights with their manifest, or of one Hugging Face checkpoint; `shipped` for the weights that come with
    leansieve. With `remote.urls`: the folder whose manifest says what was measured of the models there."""
    focus: float | None = Field(default=None, ge=0, le=1)
    """Where requests stand that do not say: from 0, coverage, to 1, precision. None: the base model as below."""
    temperature: float = Field(default=1.0, ge=0)
    """Softmax temperature; 0 is greedy."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int = Field(default=256, ge=1)
    """Longest candidate, in tokens."""
    engine: LocalModelSettings = LocalModelSettings()
    """Engines here."""
    cluster: ReplicaSettings = ReplicaSettings()
    """Engines on other hosts."""
    remote: RemoteSettings = RemoteSettings()
    """Servers elsewhere."""

    @field_validator("path")
    @classmethod
    def _shipped(cls, path: Path | None) -> Path | None:
        return SHIPPED if path == Path("shipped") else path
