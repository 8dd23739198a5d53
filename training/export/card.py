"""The model card of an exported model: description, provenance and measurements."""

import json
from collections.abc import Sequence
from typing import Any

from prover.sampling.weights import Model
from training.export.files import DType
from training.run.provenance import Provenance


def model_card(model: Model, dtype: DType, trained: Provenance | None, commands: Sequence[str], license: str) -> str:
    """Return the card as Markdown.

    Args:
        trained: the record of its training; None if there is none.
        commands: commands that made it, in addition to the record's.
        license: its license; empty if none is stated.
    """
    front = f"---\nlicense: {license}\n---\n\n" if license else ""
    stated = f"license: {license}" if license else "no license is stated"
    parts = [f"{front}# {model.name}\n\nA Lean 4 prover: {_origin(model, trained)}. Weights in {dtype}; {stated}."]
    if trained is not None and trained.base is not None:
        hashes = "".join(f"\n- `{name}`: {digest}" for name, digest in trained.base.weights.items())
        parts.append(f"Its base is {trained.base.name}, with these weights (SHA-256):\n{hashes}")
    made_by = [*([trained.command] if trained is not None and trained.command else []), *commands]
    if made_by:
        parts.append("Made by\n\n```sh\n" + "\n".join(made_by) + "\n```")
    if model.curves:
        rows = [
            "| corpus | theorems | samples | pass@1 | pass@16 | pass@64 | pass@256 |",
            "|---|---|---|---|---|---|---|",
        ]
        for curve in model.curves:
            cells = [f"{100 * curve.pass_at_k[k]:.1f}" if k in curve.pass_at_k else "–" for k in (1, 16, 64, 256)]
            rows.append(f"| {curve.corpus} | {curve.theorems} | {curve.samples} | {' | '.join(cells)} |")
        parts.append("Measured, in percent:\n\n" + "\n".join(rows))
    for segment in () if trained is None else trained.segments:
        text = json.dumps(_part_taken(segment.settings), indent=1, ensure_ascii=False)
        since = "" if segment.first_step == 1 else f" from step {segment.first_step} on"
        parts.append(f"Settings{since}:\n\n```json\n{text}\n```")
    parts.append("Its proofs are worth what Lean's kernel says of them: check every one.")
    return "\n\n".join(parts) + "\n"


def _origin(model: Model, trained: Provenance | None) -> str:
    if trained is None:
        return "a model that was trained elsewhere, without a record of how"
    if mean := trained.settings.get("average"):
        return f"the average of two models' weights, with a share of {mean['share']:g} of the second"
    origin = "fine-tuned on verified proofs"
    if model.algorithm:
        origin = f"tuned with `{model.algorithm}`" + (f" at α = {model.alpha:g}" if model.alpha is not None else "")
    elif trained.base is None:
        origin = "trained from scratch on verified proofs"
    stopped = f"; the run was stopped: {trained.stopped}" if trained.stopped else ""
    return f"{origin}, {trained.step} steps{stopped}"


def _part_taken(trained: dict[str, Any]) -> dict[str, Any]:
    """Return the settings without those unused in the run: tables of other kinds of runs, the shape of an existing
    model.
    """
    kinds = {"sft", "preferences", "rollouts"}
    idle = {kind for kind in kinds if not trained.get(kind)}
    if not trained.get("rollouts"):
        idle |= {"verification", "evaluation", "dev"} | ({"algorithm"} if trained.get("sft") else set())
    settings = {table: values for table, values in trained.items() if table not in idle}
    if "path" in (model := settings.get("model", {})):
        unread = {"shape", "vocabulary"} if model["path"] is not None else {"path"}
        settings["model"] = {name: value for name, value in model.items() if name not in unread}
    return settings
