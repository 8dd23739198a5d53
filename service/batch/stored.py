"""Storage format of batches, items and answers: JSON in the database."""

import json
from dataclasses import dataclass, replace
from typing import Any

from pydantic import TypeAdapter

from prover.lean.workers.jobs import Priority
from prover.options import SearchOptions
from prover.requests import Search
from service.auth.identity import Quota
from service.batch.batches import NO_QUOTA, BatchItem, ItemAnswer


@dataclass(frozen=True, slots=True)
class StoredOptions:
    """The part stored once per batch: the options of its searches, and the account that is charged."""

    search: SearchOptions
    owner: str = ""
    quota: Quota = NO_QUOTA


ITEM, ANSWER, OPTIONS = TypeAdapter(BatchItem), TypeAdapter(ItemAnswer), TypeAdapter(StoredOptions)


def read_options(text: str) -> StoredOptions:
    """Return the options of a batch. Earlier versions stored the options with each item, see `read_search`."""
    stored = json.loads(text)
    stored.setdefault("search", {"repeat": stored.get("repeat", False)})
    return OPTIONS.validate_python(stored)


def read_search(text: str, options: SearchOptions) -> tuple[BatchItem, Search]:
    """Return an item of a batch with its search."""
    stored = json.loads(text)
    if "search" in stored:
        options = _earlier_options(stored["search"], options.repeat)
        stored |= {"theorem": stored["search"]["theorem"], "guard": stored["search"].get("guard", "")}
    item = ITEM.validate_python(stored)
    if item.guard:
        options = options.with_guard(item.guard)
    return item, Search(item.theorem, options.with_priority(Priority.BATCH))


def _earlier_options(search: dict[str, Any], repeat: bool) -> SearchOptions:
    check = {name: search[name] for name in ("limits", "policy", "trust") if name in search}
    options: SearchOptions = TypeAdapter(SearchOptions).validate_python(search | {"check": check})
    return replace(options, repeat=repeat)
