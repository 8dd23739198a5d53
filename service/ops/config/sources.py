"""Sources of settings, for `leansieve config show`."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic_settings import EnvSettingsSource, TomlConfigSettingsSource

from service.ops.config.settings import Flags, Settings, file_in_use, given, load

MASK = "***"
_PASSWORD = re.compile(r"(?<=://)([^/@\s:]*):[^/@\s]+(?=@)")


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting.

    Attributes:
        name: its path, such as `lean.workers`.
        value: value in TOML, secrets masked; empty if there is none.
        source: `flag`, the environment variable, the file, or `default`.
        meaning: its description.
    """

    name: str
    value: str
    source: str
    meaning: str


def settings_in_force(file: Path | None = None, flags: Flags | None = None) -> list[Setting]:
    """Return every setting, in the order of the sections.

    Raises:
        UserError: see `load`.
    """
    settings = load(file, flags)
    path = file_in_use(file)
    sources: list[tuple[Mapping[str, Any], str]] = [
        (given(flags), "flag"),
        (EnvSettingsSource(Settings)(), "environment"),
        (TomlConfigSettingsSource(Settings, path)(), str(path)),
    ]

    def source(name: tuple[str, ...]) -> str:
        found = next((where for values, where in sources if _has(values, name)), "default")
        return f"LEANSIEVE_{'__'.join(name).upper()}" if found == "environment" else found

    return [
        Setting(".".join(name), _shown(value), source(name), meaning) for name, value, meaning in _walk((), settings)
    ]


def _walk(path: tuple[str, ...], section: BaseModel) -> Iterator[tuple[tuple[str, ...], Any, str]]:
    """Yield each setting below a section: path, value, description."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from _walk((*path, name), value)
        elif isinstance(value, dict) and value and all(isinstance(table, BaseModel) for table in value.values()):
            for key, table in value.items():
                yield from _walk((*path, name, key), table)
        else:
            yield (*path, name), value, field.description or ""


def _has(values: Mapping[str, Any], path: tuple[str, ...]) -> bool:
    table: Any = values
    for name in path:
        if not isinstance(table, Mapping) or name not in table:
            return False
        table = table[name]
    return True


def _shown(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, SecretStr):
        return f'"{MASK}"'
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_shown, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{_shown(key)} = {_shown(each)}' for key, each in value.items())}}}"
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    # Addresses of databases may contain a password.
    return json.dumps(_PASSWORD.sub(rf"\1:{MASK}", str(value)), ensure_ascii=False)
