"""Averages the weights of two models, for instance of a base and of the same base trained further ("model soups", arXiv
2203.05482).

    python -m training.model.average MODEL OTHER --share 0.5 --out FOLDER

SHARE is that of OTHER. Both must have the same shape and tokenizer; the average is of use only if one was trained from the
other, or both from one model. It is stored in bfloat16.
"""

import argparse
import shlex
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, PreTrainedModel

from prover.sampling.tokenizers import load_tokenizer
from training.model.llama import save_for_serving
from training.run.provenance import Provenance, Segment, describe_base, hash_weights


def average(model: Path, other: Path, share: float, out: Path, command: str = "") -> None:
    """Write a model with the weights `(1 - share) · model + share · other`, and its record.

    Raises:
        ValueError: the models differ in shape or tokenizer, or `share` is not between 0 and 1.
        OSError: a model cannot be read, or the average not be written.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"The share is a number from 0 to 1, found {share:g}.")
    if (model / "tokenizer.json").read_bytes() != (other / "tokenizer.json").read_bytes():
        raise ValueError(f"{model} and {other} have different tokenizers: their weights cannot be averaged.")
    result, weights = _loaded(model), _loaded(other).state_dict()
    parameters = result.state_dict()
    shapes = {name: value.shape for name, value in parameters.items()}
    if shapes != {name: value.shape for name, value in weights.items()}:
        raise ValueError(f"{model} and {other} have different shapes: their weights cannot be averaged.")
    result.load_state_dict({name: torch.lerp(parameters[name], weights[name], share) for name in parameters})
    settings = {"average": {"model": str(model), "other": str(other), "share": share, "weights": hash_weights(other)}}
    record = Provenance(
        segments=(Segment(first_step=1, settings=settings),),
        step=0,
        base=describe_base(str(model), model),
        command=command,
    )
    save_for_serving(result, load_tokenizer(model), out, dtype="bfloat16", about=record)


def _loaded(folder: Path) -> PreTrainedModel:
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    return model


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training.model.average", description="Average two models.")
    parser.add_argument("model", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--share", type=float, default=0.5, help="of the second model, from 0 to 1")
    parser.add_argument("--out", type=Path, required=True, help="folder to write")
    arguments = parser.parse_args()
    command = shlex.join(["python", "-m", "training.model.average", *sys.argv[1:]])
    try:
        average(arguments.model, arguments.other, arguments.share, arguments.out, command)
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")
    print(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
