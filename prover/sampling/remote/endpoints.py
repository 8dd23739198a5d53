"""Remote vLLM servers as one endpoint: health checks, load balancing and failover."""

import asyncio
import contextlib
import itertools
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import SecretStr

from prover.sampling.sampler import SamplerUnavailableError

logger = logging.getLogger(__name__)

_LONGEST_REASON = 300
# Status codes which, like 500 and above, are not the request's fault: another server may answer it.
_OF_THE_SERVER = {401, 403, 404, 408, 429}


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    """Status of one server.

    Attributes:
        url: its address.
        healthy: whether it answered the last health check.
        running: number of our requests in progress.
        models: names of the models it serves.
    """

    url: str
    healthy: bool
    running: int
    models: tuple[str, ...]


@dataclass(eq=False, slots=True)
class _Endpoint:
    url: str
    healthy: bool = False
    running: int = 0
    models: Mapping[str, int] = field(default_factory=dict)  # with their context lengths in tokens
    complaint: str = "was not asked yet"
    losses: int = 0


class Endpoints:
    """A set of remote vLLM servers. Call `open` first and `close` last."""

    def __init__(
        self,
        urls: Sequence[str],
        api_key: SecretStr | None,
        connect_seconds: float,
        request_seconds: float,
        health_seconds: float,
    ) -> None:
        """Create the set; no server is contacted.

        Args:
            urls: addresses of the servers, with or without the final `/v1`.
            api_key: sent as a bearer token.
            connect_seconds: time limit of a connection.
            request_seconds: time limit of an answer.
            health_seconds: interval of health checks.

        Raises:
            ValueError: there is no URL, or one is not an HTTP address.
        """
        self._all = [_Endpoint(url.rstrip("/").removesuffix("/v1")) for url in urls]
        if not self._all:
            raise ValueError("at least one address of a vLLM server is needed")
        for url in urls:
            if not url.startswith(("http://", "https://")):
                raise ValueError(f"the address of a vLLM server must begin with http:// or https://, found {url!r}")
        self._health_seconds = health_seconds
        headers = {"Authorization": f"Bearer {api_key.get_secret_value()}"} if api_key else {}
        self._http = httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(request_seconds, connect=connect_seconds, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=256),
        )
        self._quick = httpx.Timeout(connect_seconds)
        self._turn = itertools.count()
        self._watching: asyncio.Task[None] | None = None

    @property
    def status(self) -> tuple[EndpointStatus, ...]:
        """The state of every server."""
        return tuple(EndpointStatus(one.url, one.healthy, one.running, tuple(one.models)) for one in self._all)

    @property
    def contexts(self) -> Mapping[str, int]:
        """Context lengths of the models on all healthy servers, in tokens; the smallest counts if servers differ."""
        found: dict[str, int] = {}
        for endpoint in self._all:
            for model, context in endpoint.models.items() if endpoint.healthy else ():
                found[model] = min(context, found.get(model, context))
        return found

    async def open(self, needed: bool = True) -> None:
        """Check the health of all servers, and repeat it periodically.

        Raises:
            SamplerUnavailableError: none is healthy, and one is `needed`.
        """
        await self.ask_all()
        if needed and not any(endpoint.healthy for endpoint in self._all):
            raise self._none_available()
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """Close all connections."""
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._http.aclose()

    async def ask_all(self) -> None:
        """Query every server's health and models."""
        await asyncio.gather(*(self._ask(endpoint) for endpoint in self._all))

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Send a request for `body["model"]` to the server with the fewest requests; if that fails, to the next.

        Cancelling closes the connection, whereupon vLLM aborts the request.

        Raises:
            ValueError: the server rejects the request as invalid.
            SamplerUnavailableError: no server can answer it.
        """
        tried: set[_Endpoint] = set()
        while True:
            endpoint = self._choose(str(body["model"]), tried)
            if endpoint is None:
                raise self._none_available()
            tried.add(endpoint)
            endpoint.running += 1
            try:
                response = await self._http.post(endpoint.url + path, json=body)
                if response.status_code < 500 and response.status_code not in _OF_THE_SERVER:
                    return _answer(endpoint, response)
                complaint = _refusal(response)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                complaint = _describe(error)
            finally:
                endpoint.running -= 1
            self._lose(endpoint, complaint)

    def _choose(self, model: str, tried: set[_Endpoint]) -> _Endpoint | None:
        able = [one for one in self._all if one.healthy and model in one.models and one not in tried]
        if not able:
            return None
        turn = next(self._turn)  # round robin among servers with equal load
        return min(able, key=lambda one: (one.running, (self._all.index(one) - turn) % len(self._all)))

    def _none_available(self) -> SamplerUnavailableError:
        return SamplerUnavailableError(
            "no vLLM server can answer: " + "; ".join(f"{one.url} {one.complaint}" for one in self._all)
        )

    def _lose(self, endpoint: _Endpoint, complaint: str) -> None:
        if endpoint.healthy:
            logger.warning("vLLM server %s %s", endpoint.url, complaint)
        endpoint.healthy, endpoint.complaint = False, complaint
        endpoint.losses += 1

    async def _ask(self, endpoint: _Endpoint) -> None:
        losses = endpoint.losses
        try:
            (await self._http.get(f"{endpoint.url}/health", timeout=self._quick)).raise_for_status()
            listing = await self._http.get(f"{endpoint.url}/v1/models", timeout=self._quick)
            listing.raise_for_status()
            models = {str(model["id"]): int(model["max_model_len"]) for model in listing.json()["data"]}
        except httpx.HTTPStatusError as error:
            self._lose(endpoint, _refusal(error.response))
        except (httpx.TransportError, httpx.InvalidURL) as error:
            self._lose(endpoint, _describe(error))
        except (ValueError, KeyError, TypeError):
            self._lose(endpoint, "does not list models as vLLM does")
        else:
            if endpoint.losses > losses:  # it failed after the request was sent
                return
            if not endpoint.healthy:
                logger.info("vLLM server %s is healthy", endpoint.url)
            endpoint.models, endpoint.healthy, endpoint.complaint = models, True, "does not serve this model"

    async def _watch(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            while True:
                await asyncio.sleep(self._health_seconds)
                await self.ask_all()


def _answer(endpoint: _Endpoint, response: httpx.Response) -> Any:
    if response.is_error:
        try:
            error = str(response.json()["error"]["message"])
        except (ValueError, KeyError, TypeError):
            error = response.text
        reason = " ".join(error.split())[:_LONGEST_REASON]
        raise ValueError(f"{endpoint.url} refuses the request: {reason!r}")
    return response.json()


def _refusal(response: httpx.Response) -> str:
    if response.status_code in (401, 403):
        return "refuses the API key"
    return f"answers {response.status_code} to {response.url.path}"


def _describe(error: Exception) -> str:
    kind = type(error).__name__.removesuffix("Error")
    return f"cannot be reached ({kind}{f': {error}' if str(error) else ''})"
