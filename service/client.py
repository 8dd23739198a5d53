"""`Client`: the service of a running server, with the engine's dataclasses in and out."""

from collections.abc import AsyncGenerator
from typing import Self

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from leansieve.v1 import server_info_pb2
from leansieve.v1.proof_search_pb2_grpc import ProofSearchStub
from prover.verdict import Verdict
from service import status
from service.admission import bounds
from service.config import Settings
from service.connection import open_channel
from service.convert import check, info, search, values
from service.errors import UserError
from service.requests import Check, Event, Search, ServiceInfo, UnavailableError

# A server bounds each call itself; this is for one that is gone without a word.
_SLACK_SECONDS = 600.0


class Client:
    """A `Service` across gRPC. Use it as an async context manager."""

    def __init__(self, address: str, settings: Settings) -> None:
        """Talk to the server at `address`, as in `127.0.0.1:50061` or `unix:/path`."""
        self._address = address
        self._settings = settings
        self._channel = open_channel(address, settings.connection, settings.server.message_bytes)
        self._stub = ProofSearchStub(self._channel)

    async def __aenter__(self) -> Self:
        """Nothing is sent yet."""
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Hang up."""
        await self._channel.close()

    async def check(self, request: Check) -> Verdict:
        """See `Service.check`."""
        try:
            response = await self._stub.CheckProof(
                check.request_to_proto(request), timeout=request.limits.seconds + _SLACK_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            raise self._meant(error) from None
        return values.verdict_from_proto(response.verdict, request.candidate.mode)

    async def prove(self, request: Search) -> AsyncGenerator[Event, None]:
        """See `Service.prove`."""
        call = self._stub.Prove(search.request_to_proto(request), timeout=request.budget.seconds + _SLACK_SECONDS)
        try:
            async for response in call:
                event = search.event_from_proto(response)
                if event is not None:
                    yield event
        except grpc.aio.AioRpcError as error:
            raise self._meant(error) from None
        finally:
            call.cancel()

    async def info(self) -> ServiceInfo:
        """See `Service.info`."""
        try:
            response = await self._stub.GetServerInfo(server_info_pb2.GetServerInfoRequest(), timeout=30.0)
        except grpc.aio.AioRpcError as error:
            raise self._meant(error) from None
        return info.from_proto(response, bounds(self._settings)[0])

    async def ready(self, seconds: float) -> None:
        """Wait until the server's health is SERVING.

        Raises:
            UnavailableError: it is not within that time, or the server is gone.
        """
        request = health_pb2.HealthCheckRequest(service="")
        watch = health_pb2_grpc.HealthStub(self._channel).Watch(  # type: ignore[attr-defined]
            request, timeout=seconds, wait_for_ready=True
        )
        try:
            async for response in watch:
                if response.status == health_pb2.HealthCheckResponse.SERVING:
                    return
        except grpc.aio.AioRpcError as error:
            if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
                raise UnavailableError(f"the server at {self._address} was not ready within {seconds:g} s") from None
            raise self._meant(error) from None
        finally:
            watch.cancel()
        raise UnavailableError(f"the server at {self._address} ended before it was ready")

    def _meant(self, error: grpc.aio.AioRpcError) -> UserError:
        return status.to_error(error, self._address)
