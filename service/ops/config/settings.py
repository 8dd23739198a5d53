"""All settings of the service. Precedence: flags, environment, file, defaults.

The file is TOML, one table per section: `--config FILE`, otherwise `LEANSIEVE_CONFIG`, otherwise `config.toml` in the
user's configuration folder. The environment variable of `lean.workers` is `LEANSIEVE_LEAN__WORKERS`.
"""

import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from platformdirs import user_config_path
from pydantic import ValidationError
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from prover.errors import UserError
from service.ops.config.engine import (
    CheckSettings,
    CrosscheckSettings,
    LeanSettings,
    PolicySettings,
    SearchSettings,
    TextSettings,
)
from service.ops.config.model import ModelSettings, TutorSettings
from service.ops.config.server import (
    ClientSettings,
    ConnectionSettings,
    HttpSettings,
    LogSettings,
    MetricsSettings,
    SecuritySettings,
    ServerSettings,
    TracingSettings,
)
from service.ops.config.store import BatchSettings, ClassroomSettings, StoreSettings

Flags = Mapping[str, Mapping[str, Any]]
"""Settings given on the command line, by section; None: not given."""


class Settings(BaseSettings):
    """All sections."""

    model_config = SettingsConfigDict(
        env_prefix="LEANSIEVE_", env_nested_delimiter="__", extra="forbid", frozen=True, use_attribute_docstrings=True
    )

    server: ServerSettings = ServerSettings()
    http: HttpSettings = HttpSettings()
    security: SecuritySettings = SecuritySettings()
    clients: ClientSettings = ClientSettings()
    text: TextSettings = TextSettings()
    lean: LeanSettings = LeanSettings()
    check: CheckSettings = CheckSettings()
    crosscheck: CrosscheckSettings = CrosscheckSettings()
    search: SearchSettings = SearchSettings()
    model: ModelSettings = ModelSettings()
    tutor: TutorSettings = TutorSettings()
    store: StoreSettings = StoreSettings()
    batches: BatchSettings = BatchSettings()
    classrooms: ClassroomSettings = ClassroomSettings()
    metrics: MetricsSettings = MetricsSettings()
    tracing: TracingSettings = TracingSettings()
    log: LogSettings = LogSettings()
    connection: ConnectionSettings = ConnectionSettings()
    policies: dict[str, PolicySettings] = {"default": PolicySettings()}
    """Policies by their names in requests."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources in order of precedence: flags, environment, file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load(file: Path | None = None, flags: Flags | None = None) -> Settings:
    """Load the settings.

    Args:
        file: configuration file that must exist; None uses the default locations.
        flags: settings given on the command line.

    Raises:
        UserError: a file cannot be read or a value is invalid.
    """
    path = file_in_use(file)
    _refuse_unknown_variables()

    class Layered(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    try:
        values: dict[str, Any] = {**given(flags)}
        return Layered(**values)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        # Values are left out: that of a whole section does not help, and a token must not be shown.
        found = "" if isinstance(first["input"], dict) or "token" in name else f", found {first['input']!r}"
        text = _CLEARER.get(first["type"], first["msg"].removeprefix("Value error, "))
        raise UserError(f"setting {name}: {text}{found}") from None
    except SettingsError as error:
        section = str(error).split('"')[1].upper()
        raise UserError(
            f"an environment variable LEANSIEVE_{section}… is not JSON, as lists and sections must be"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise UserError(f"cannot read the configuration file {path}: {error}") from None


def file_in_use(file: Path | None = None) -> Path:
    """Return the configuration file that `load` reads if it exists.

    Raises:
        UserError: an explicitly named file does not exist.
    """
    path = file or (Path(named) if (named := os.environ.get("LEANSIEVE_CONFIG")) else None)
    try:
        if path is not None and not path.is_file():
            raise UserError(f"there is no configuration file {path}")
    except OSError as error:
        raise UserError(f"cannot read the configuration file {path}: {error.strerror}") from None
    return path or user_config_path("leansieve") / "config.toml"


_CLEARER = {
    "extra_forbidden": "there is no setting of that name; `leansieve config show` lists all",
    "model_type": "expected a table of settings",
}


def _refuse_unknown_variables() -> None:
    """Raise UserError if an environment variable names an unknown section, which pydantic would ignore."""
    for name in os.environ:
        section, nested, _ = name.upper().removeprefix("LEANSIEVE_").partition("__")
        if name.upper().startswith("LEANSIEVE_") and nested and section.lower() not in Settings.model_fields:
            raise UserError(f"the environment variable {name} is not a setting; `leansieve config show` lists all")


def given(flags: Flags | None) -> dict[str, dict[str, Any]]:
    """Return the flags that were given."""
    return {
        section: {name: value for name, value in values.items() if value is not None}
        for section, values in (flags or {}).items()
    }
