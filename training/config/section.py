"""What all tables of settings have in common."""

from pydantic import BaseModel, ConfigDict, ValidationError


class ConfigTable(BaseModel):
    """A table: unknown settings are refused, and each is described where it is declared."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


def first_mistake(error: ValidationError) -> str:
    """The first mistake as `table.setting: what is wrong, found value`."""
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
