"""Stored batches are read back, also those of earlier versions."""

import json
from dataclasses import replace

from prover.lean.workers.jobs import Priority
from prover.options import Budget, CheckOptions, Preference, Sampling, SearchOptions, StoreUse
from prover.theorem import Theorem
from prover.verdict import Limits, Trust
from service.batch.batches import BatchItem
from service.batch.stored import ITEM, OPTIONS, StoredOptions, read_options, read_search

THEOREM = Theorem("theorem a : True")
ASKED = SearchOptions(
    Budget(samples=8, checks=9, seconds=7.0, proofs=2),
    CheckOptions(Limits(seconds=3.0), "other", Trust.ISOLATED_REPLAY),
    "stepwise",
    "portfolio",
    Sampling(focus=0.5, seed=3),
    Preference.SHORTEST,
    True,
    StoreUse.WRITE,
    False,
)


def test_an_item_is_searched_with_the_options_of_its_batch() -> None:
    options = read_options(OPTIONS.dump_json(StoredOptions(ASKED, "ann")).decode())
    assert options == StoredOptions(ASKED, "ann")
    item = BatchItem("1", THEOREM, "Nat.add_comm", "family")
    read, search = read_search(ITEM.dump_json(item).decode(), options.search)
    assert read == item
    assert search.theorem == THEOREM
    assert search.options == ASKED.with_guard("Nat.add_comm").with_priority(Priority.BATCH)


def test_an_item_of_an_earlier_version_is_searched_as_it_asked() -> None:
    options = read_options(json.dumps({"repeat": True, "owner": "ann"}))
    assert (options.owner, options.search.repeat) == ("ann", True)
    search = {
        "theorem": json.loads(ITEM.dump_json(BatchItem("1", THEOREM)))["theorem"],
        "budget": {"samples": 8, "checks": 9, "seconds": 7.0, "proofs": 2},
        "limits": {"seconds": 3.0, "heartbeats": 200_000, "recursion": 512},
        "policy": "other",
        "trust": Trust.ISOLATED_REPLAY.value,
        "strategy": "stepwise",
        "sampler": "portfolio",
        "sampling": {"focus": 0.5, "seed": 3},
        "prefer": "shortest",
        "minimise": True,
        "store": "write",
        "repeat": False,
        "guard": "Nat.add_comm",
        "priority": 1,
    }
    item, read = read_search(json.dumps({"id": "1", "search": search, "family": "f"}), options.search)
    assert (item.id, item.theorem, item.family) == ("1", THEOREM, "f")
    wanted = replace(ASKED, repeat=True).with_guard("Nat.add_comm").with_priority(Priority.BATCH)
    assert read.options == wanted
