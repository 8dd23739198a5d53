"""Every setting of the service, and how it is put together: flags over environment over file over defaults.

The file is TOML, one table per class below: `--config FILE`, else `LEANSIEVE_CONFIG`, else `config.toml` in the user's
configuration folder. The environment variable of `lean.workers` is `LEANSIEVE_LEAN__WORKERS`.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from platformdirs import user_config_path
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from prover.theorem import DEFAULT_IMPORTS
from service.errors import UserError


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class ServerSettings(_Section):
    """Where the gRPC server listens and how it ends."""

    listen: str = "127.0.0.1:50061"
    """`host:port` or `unix:/path`; port 0 lets the system choose."""
    allow_remote: bool = False
    """Listen on addresses that other machines reach. There is neither encryption nor authentication yet."""
    searches: int = Field(default=64, ge=1)
    """Most `Prove` calls at once; further ones are told to come back."""
    message_bytes: int = Field(default=4 << 20, ge=1 << 10, le=64 << 20)
    """Largest gRPC message taken."""
    drain_seconds: float = Field(default=20.0, ge=0)
    """How long calls may go on after SIGTERM before they are cancelled."""


class TextSettings(_Section):
    """Longest texts taken, in UTF-8 bytes."""

    header: int = Field(default=16 << 10, ge=1)
    """Imports, opens and options."""
    context: int = Field(default=1 << 20, ge=1)
    """What stands before the statement."""
    statement: int = Field(default=64 << 10, ge=1)
    """The statement."""
    candidate: int = Field(default=1 << 20, ge=1)
    """A proof or a whole file."""


class LeanSettings(_Section):
    """The Lean that checks, and its workers."""

    runtime: Literal["auto", "embedded", "native"] = "auto"
    """`native` runs `lake env lean` in `project`; `auto` does so if `project` is set, else runs the embedded Lean."""
    project: Path | None = None
    """Lake project whose imports are served by the native toolchain."""
    workers: int | None = Field(default=None, ge=1, le=1024)
    """Most checks at once, each in a worker process; by default as many as cores and memory allow."""
    spares: int | None = Field(default=None, ge=0, le=64)
    """Workers kept warm beyond that, to stand in for one that is replaced; by default one if memory allows."""
    imports: tuple[str, ...] = DEFAULT_IMPORTS
    """Modules that workers load ahead of requests."""
    allowed_imports: tuple[str, ...] | None = ("Init", "Std")
    """Modules that requests may import, each with everything below it."""
    queue: int = Field(default=4096, ge=1)
    """Checks that may wait for a worker; further ones are told to come back."""


class PolicySettings(_Section):
    """What checks under one policy allow beyond the vetted default. Every widening shows in the verdict."""

    axioms: tuple[str, ...] = ()
    """Axioms beside propext, Classical.choice and Quot.sound."""
    kinds: tuple[str, ...] = ()
    """Kinds of Lean syntax beside the vetting list."""


class CheckSettings(_Section):
    """Bounds of one check: what a request gets if it does not say, and the most it may ask for."""

    seconds: float = Field(default=30.0, gt=0)
    """Wall-clock deadline."""
    heartbeats: int = Field(default=200_000, ge=1)
    """Lean's `maxHeartbeats`, in thousands."""
    recursion: int = Field(default=512, ge=1)
    """Lean's `maxRecDepth`."""
    maximum_seconds: float = Field(default=300.0, gt=0)
    """The longest deadline a client may ask for."""
    maximum_heartbeats: int = Field(default=4_000_000, ge=1)
    """The most heartbeats a client may ask for, in thousands."""
    maximum_recursion: int = Field(default=4096, ge=1)
    """The deepest recursion a client may ask for."""


class SearchSettings(_Section):
    """Bounds of one search: what a request gets if it does not say, and the most it may ask for."""

    sampler: str = "auto"
    """Who proposes candidates if the request names nobody: `portfolio`, `model`, or `auto`, first one and then the other."""
    samples: int = Field(default=64, ge=1)
    """Candidates sampled."""
    proofs: int = Field(default=1, ge=1)
    """Distinct proofs wanted."""
    seconds: float = Field(default=60.0, gt=0)
    """Wall-clock bound."""
    maximum_samples: int = Field(default=65_536, ge=1)
    """The most candidates a client may ask for."""
    maximum_proofs: int = Field(default=1024, ge=1)
    """The most proofs a client may ask for."""
    maximum_seconds: float = Field(default=3600.0, gt=0)
    """The longest search a client may ask for."""


class ModelSettings(_Section):
    """The language model behind the sampler `model`, served by vLLM in this process; none by default."""

    path: Path | None = None
    """Folder of a Hugging Face checkpoint."""
    temperature: float = Field(default=1.0, ge=0)
    """Softmax temperature; 0 is greedy."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Nucleus mass."""
    max_tokens: int = Field(default=256, ge=1)
    """Longest candidate, in tokens."""


class LogSettings(_Section):
    """What is logged, to stderr. Texts of theorems and proofs never are: a theorem is named by its digest."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severity that is logged."""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto`: console on a terminal, JSON elsewhere."""


class Settings(BaseSettings):
    """All of the above."""

    model_config = SettingsConfigDict(
        env_prefix="LEANSIEVE_", env_nested_delimiter="__", extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    server: ServerSettings = ServerSettings()
    text: TextSettings = TextSettings()
    lean: LeanSettings = LeanSettings()
    check: CheckSettings = CheckSettings()
    search: SearchSettings = SearchSettings()
    model: ModelSettings = ModelSettings()
    log: LogSettings = LogSettings()
    policies: dict[str, PolicySettings] = {"default": PolicySettings()}
    """Policies by the names that requests use."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Flags, then environment, then file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(file: Path | None = None, flags: Mapping[str, Mapping[str, Any]] | None = None) -> Settings:
    """Put the settings together.

    Args:
        file: configuration file that must exist; None looks in the usual places.
        flags: settings given on the command line, by section; a value of None was not given.

    Raises:
        UserError: a file cannot be read or a value does not fit.
    """
    path = file or (Path(named) if (named := os.environ.get("LEANSIEVE_CONFIG")) else None)
    if path is not None and not path.is_file():
        raise UserError(f"there is no configuration file {path}")
    path = path or user_config_path("leansieve") / "config.toml"

    class Layered(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    given: dict[str, Any] = {
        section: {name: value for name, value in values.items() if value is not None}
        for section, values in (flags or {}).items()
    }
    try:
        return Layered(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise UserError(f"setting {name}: {first['msg']}, found {first['input']!r}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"cannot read the configuration file {path}: {error}") from None
