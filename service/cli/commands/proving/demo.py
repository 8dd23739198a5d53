"""`leansieve demo`."""

import importlib.util
import time
from pathlib import Path
from typing import Annotated

import typer

from service.cli import common
from service.client import demo as showing
from service.client.client import Client
from service.client.demo import DemoTheorem, Result
from service.core.endings import ending
from service.core.limits.admission import bounds
from service.ops.config import Settings

_EXAMPLES = Path(__file__).resolve().parents[4] / "examples"


def demo(
    examples: Annotated[Path, typer.Argument(help="Folder of .lean files with `sorry`s.", metavar="DIR")] = _EXAMPLES,
    with_model: Annotated[bool, typer.Option("--model/--no-model", help="The shipped models, if vLLM is here.")] = True,
    workers: common.Workers = None,
    config: common.Config = None,
) -> None:
    """Start a server, prove the examples over gRPC, show each proof as it arrives, and stop everything."""
    settings = common.load_settings(config, lean={"workers": workers})
    todo = showing.examples(examples, bounds(settings)[0].options())
    arguments = ["--log-level", "error", "--store", "none"]  # proofs shown are found anew, not taken from the store
    arguments += ["--workers", str(workers)] if workers else []
    arguments += ["--config", str(config)] if config else []
    environment = {}
    if with_model and settings.model.path is None and _has_vllm():
        arguments += ["--model", "shipped"]
        # The examples name no focus, so only the base is used.
        environment["LEANSIEVE_MODEL__ENGINE__MODELS"] = '["base"]'
    common.stdout.print(f"starting a server with {'Lean and vLLM' if environment else 'Lean'} (a minute or two)")
    proved = common.run(_demo(settings, todo, arguments, environment))
    common.stdout.print(f"{proved} of {len(todo)} theorems proved; no process is left")
    if proved < len(todo):
        raise typer.Exit(1)


async def _demo(settings: Settings, todo: list[DemoTheorem], arguments: list[str], environment: dict[str, str]) -> int:
    started = time.monotonic()
    with common.preparing() as report:
        async with showing.running_server(arguments, environment) as address:
            common.stdout.print(f"a server listens on {address}")
            report("starting Lean", 0, 0)
            async with Client(address, settings) as client:
                await client.ready(showing.START_SECONDS)
                info = await client.info()
                common.stdout.print(
                    f"ready after {time.monotonic() - started:.1f} s: {info.runtime} Lean {info.lean}, "
                    f"{info.workers} workers, samplers {', '.join(info.samplers)}"
                )
                report(f"proving {len(todo)} theorems", 0, 0)
                results = await showing.prove_all(client, todo, info.workers, _show)
            report("stopping", 0, 0)
    return sum(result.proof is not None for result in results)


def _show(result: Result) -> None:
    item = result.example.item
    where = f"{result.example.path.name}:{item.line} {item.name}"
    if result.proof is not None:
        proof = result.proof
        remark = f"{proof.seconds:.2f} s, {proof.verdict.trust.name}, {proof.candidate.source}"
        common.stdout.print(common.shown(f"✓ {where} ({remark})", "green"))
        common.stdout.print(common.shown(f"{item.statement} := {proof.candidate.text}"))
    else:
        why = result.error or (ending(result.finished) if result.finished else "")
        common.stdout.print(common.shown(f"✗ {where}: {why}", "red"))


def _has_vllm() -> bool:
    return importlib.util.find_spec("vllm") is not None
