"""A `Phraser` on remote `vllm serve` processes, over their OpenAI-compatible HTTP API."""

from collections.abc import Mapping, Sequence

from pydantic import SecretStr

from prover.sampling.remote.endpoints import Endpoints
from prover.sampling.sampler import SamplerUnavailableError
from prover.tutor.hints import Veto

_TOKENS = 96
_TEMPERATURE = 0.7
_ROOM = 2048  # tokens of context that suffice for the examples and rejected texts, however these are tokenised
_SHOWN = 3  # rejected texts shown to the model
_CONNECT_SECONDS, _HEALTH_SECONDS = 2.0, 10.0
# Examples, which also guide models without a chat template.
_PROMPT = """\
A tutor's hints for learners of a proof assistant, each in other words. Nothing is added, nothing is left out, and code between backticks stays as it is.

Hint: Is your goal made of several parts? What would have to be shown for each of them?
In other words: Look at the parts of your goal: what do you have to show for each of them?

Hint: The tactic `constructor` splits a goal into its parts.
In other words: There is a tactic that splits a goal into its parts: `constructor`.

"""
_WHY = {
    Veto.FALSE_CLAIM: "adds or leaves out something",
    Veto.LEAK: "gives the proof away",
    Veto.SEVERAL_STEPS: "is more than one step",
    Veto.CONTRADICTION: "goes against an earlier hint",
}


class RemotePhraser:
    """A `Phraser` that asks remote models. It sends the hint and the goal quoted in it, but not the learner's proof."""

    def __init__(self, urls: Sequence[str], api_key: SecretStr | None, model: str, seconds: float) -> None:
        """Create the phraser; no server is contacted.

        Args:
            urls: addresses of the servers, with or without the final `/v1`.
            api_key: bearer token for the servers.
            model: name of the model; empty: the first that a server lists.
            seconds: time limit of an answer.

        Raises:
            ValueError: an address is invalid.
        """
        self._model = model
        self._endpoints = Endpoints(urls, api_key, _CONNECT_SECONDS, seconds, _HEALTH_SECONDS)

    async def start(self) -> None:
        """Query the servers; missing ones are queried again later."""
        await self._endpoints.open(needed=False)

    async def close(self) -> None:
        """Close all connections."""
        await self._endpoints.close()

    async def reword(self, template: str, refused: Mapping[str, Veto]) -> str:
        """See `Phraser.reword`."""
        model = self._model or next(iter(self._endpoints.contexts), "")
        if not model:
            raise SamplerUnavailableError("no vLLM server is there to reword hints")
        body = {
            "model": model,
            "prompt": _prompt(template, refused, self._endpoints.contexts.get(model, 0)),
            "max_tokens": _TOKENS,
            "temperature": _TEMPERATURE,
            "stop": ["\n"],
            "seed": len(refused),
        }
        answer = await self._endpoints.post("/v1/completions", body)
        return str(answer["choices"][0]["text"])


def _prompt(template: str, refused: Mapping[str, Veto], context: int) -> str:
    """Return the prompt for a model with so many tokens of context: with few, it contains only the hint."""
    lines = [f"Hint: {' '.join(template.split())}"]
    if context < _ROOM:
        return "\n".join([*lines, "In other words:"])
    lines += [f"Not so, it {_WHY[why]}: {text}" for text, why in list(refused.items())[-_SHOWN:]]
    return _PROMPT + "\n".join([*lines, "In other words:"])
