"""Tables of settings: their base class, and how a file of them is read."""

import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

Table = TypeVar("Table", bound=BaseModel)


class ConfigError(ValueError):
    """A configuration file is invalid; the text is one sentence with place and reason."""


class ConfigTable(BaseModel):
    """A table: unknown settings are errors, and each is described where it is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def load_table(path: Path, kind: type[Table], change: Callable[[dict[str, Any]], None] | None = None) -> Table:
    """Read a TOML file.

    Args:
        kind: class of the whole file.
        change: changes the content before it is validated.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a setting is unknown or out of range.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        if change is not None:
            change(content)
        return kind.model_validate(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except ValidationError as error:
        others = error.error_count() - 1
        raise ConfigError(f"{path}: {first_mistake(error)}{f' (and {others} more)' if others else ''}.") from None


def first_mistake(error: ValidationError) -> str:
    """Describe the first error as `table.setting: error, found value`."""
    first = error.errors()[0]
    setting = ".".join(map(str, first["loc"]))
    match first["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"{setting}: there is no such setting"
        case "missing":
            return f"{setting}: this setting is missing"
    message = first["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    found = "" if isinstance(first["input"], dict | BaseModel) else f", found {first['input']!r}"
    return f"{setting}: {message}{found}" if setting else message


class Inputs(Protocol):
    """Files that runs of several stages read."""

    @property
    def base(self) -> Path:
        """The base model."""
        ...

    @property
    def proofs(self) -> Sequence[Path]:
        """Files of proved theorems."""
        ...

    @property
    def dev(self) -> Path:
        """Evaluation theorems."""
        ...


def require_inputs(file: Path, plan: Inputs) -> None:
    """Raise ConfigError for the first input of a run that does not exist; models of the hub are downloaded later.

    Args:
        file: the configuration file.
        plan: its content.
    """
    for name, path in (("base", plan.base), *(("proofs", path) for path in plan.proofs), ("dev", plan.dev)):
        if not path.exists() and not str(path).startswith("hub:"):
            raise ConfigError(f"{file}: {name}: there is no {path}.")
