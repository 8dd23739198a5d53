"""Changes of vLLM's own objects, where it has no setting for what is needed.

They depend on internals of the version in `VERSION`; a test fails if another one is installed.
"""

import multiprocessing
from collections.abc import Callable
from typing import Any

VERSION = "0.32"


def fork_engines() -> None:
    """Start engines from the forking process: on CPUs vLLM insists on spawning."""
    from vllm.v1.engine import utils

    utils.get_mp_context = lambda: multiprocessing.get_context("forkserver")


def skip_logprob_texts(processor: Any) -> None:
    """Keep an output processor from decoding each token again for its log-probability, which takes a third of the time
    of reading answers.
    """
    add_request = processor.add_request

    def add(request: Any, *arguments: Any, **options: Any) -> None:
        add_request(request, *arguments, **options)
        processor.request_states[request.request_id].logprobs_processor.tokenizer = None

    processor.add_request = add


def report_tokens(processor: Any, report: Callable[[int], None]) -> None:
    """Report the number of tokens in each output: vLLM's own statistics omit those of aborted requests."""
    process_outputs = processor.process_outputs

    def reported(outputs: Any, *arguments: Any, **options: Any) -> Any:
        report(sum(len(output.new_token_ids) for output in outputs))
        return process_outputs(outputs, *arguments, **options)

    processor.process_outputs = reported


def close_sockets(vllm: Any) -> None:
    """Close the sockets of an engine that was shut down; vLLM leaves them to the garbage collector, which warns."""
    vllm.engine_core.resources.ctx.destroy(linger=0)
