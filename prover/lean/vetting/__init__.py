"""The allow-list of Lean syntax as data: everything that a request may contain, each entry with its reason."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

# Syntax kinds of tokens (`token.←`) have no meaning of their own.
_PREFIXES = ["token"]


@cache
def allow_list() -> dict[str, Any]:
    """Return the lists in the form of the `hello` request (docs/worker-protocol.md).

    Returns:
        `kinds`, `prefixes`, `attributes` and `derive` are lists of names; `options` is a list of `{name, max?}`,
        `configuration` one of `{type, fields}`.
    """
    lists: dict[str, list[Any]] = {"kinds": [], "prefixes": _PREFIXES, "attributes": [], "derive": [], "options": []}
    lists["configuration"] = []
    for file in sorted(files(__name__).iterdir(), key=lambda entry: entry.name):
        if not file.name.endswith(".toml"):
            continue
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        for entry in content.get("kinds", []):
            lists["kinds"] += entry["names"]
        for entry in content.get("attributes", []):
            lists["attributes"] += entry["names"]
        for entry in content.get("derive", []):
            lists["derive"] += entry["classes"]
        for entry in content.get("configuration", []):
            lists["configuration"].append({"type": entry["type"], "fields": entry["fields"]})
        for entry in content.get("options", []):
            lists["options"] += entry["options"]
    return lists
