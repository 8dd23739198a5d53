"""Base class of the tables of settings."""

from pydantic import BaseModel, ConfigDict, ValidationError


class ConfigTable(BaseModel):
    """A table: unknown settings are errors, and each is described where it is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


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
