"""Algorithms by name, created from the options in a configuration file."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import TypeAdapter

from training.algorithms.algorithm import Algorithm
from training.algorithms.filtered.alpha_dpg import AlphaDpg
from training.algorithms.filtered.rs_ft import RsFt
from training.algorithms.grpo.dapo import Dapo
from training.algorithms.grpo.dr_grpo import DrGrpo
from training.algorithms.grpo.erc import EntropyRatioClipping
from training.algorithms.grpo.gppo import Gppo
from training.algorithms.grpo.grpo import Grpo
from training.algorithms.grpo.pass_at_k import PassAtK
from training.algorithms.grpo.unlikely import Unlikely
from training.algorithms.preferences.scrpo import Scrpo
from training.algorithms.reinforce.gpg import Gpg
from training.algorithms.reinforce.remax import ReMax
from training.algorithms.reinforce.rloo import Rloo

ALGORITHMS: Mapping[str, type[Algorithm]] = {
    "alpha_dpg": AlphaDpg,
    "kl_dpg": AlphaDpg,
    "rs_ft": RsFt,
    "grpo": Grpo,
    "dr_grpo": DrGrpo,
    "rloo": Rloo,
    "remax": ReMax,
    "gpg": Gpg,
    "pass_at_k": PassAtK,
    "unlikely": Unlikely,
    "scrpo": Scrpo,
    "dapo": Dapo,
    "gppo": Gppo,
    "erc_dapo": Dapo,
    "erc_gppo": Gppo,
}
"""`kl_dpg` is α-DPG at α = 0; `erc_…` adds entropy ratio clipping, with its options next to those of the inner
algorithm.
"""

_ERC_OPTIONS = frozenset(field.name for field in fields(EntropyRatioClipping)) - {"inner"}


def create_algorithm(name: str, options: Mapping[str, Any], length: int) -> Algorithm:
    """Create the algorithm `name`.

    Args:
        length: maximum length of a response in tokens, for algorithms that divide by it.

    Raises:
        ValueError: the algorithm is unknown, or an option is unknown or invalid.
    """
    if name not in ALGORITHMS:
        raise ValueError(f"Unknown algorithm {name!r}; the choices are {', '.join(ALGORITHMS)}.")
    kind, chosen = ALGORITHMS[name], dict(options)
    if name == "kl_dpg" and chosen.setdefault("alpha", 0.0) != 0:
        raise ValueError(f"kl_dpg is alpha_dpg at alpha = 0, found alpha = {chosen['alpha']}; name alpha_dpg instead.")
    if any(field.name == "length" for field in fields(kind)):  # type: ignore[arg-type]
        chosen.setdefault("length", length)
    outer = {key: chosen.pop(key) for key in _ERC_OPTIONS & chosen.keys()} if name.startswith("erc_") else {}
    algorithm: Algorithm = TypeAdapter(kind).validate_python(chosen)
    if name.startswith("erc_"):
        return TypeAdapter(EntropyRatioClipping).validate_python({"inner": algorithm, **outer})
    return algorithm
