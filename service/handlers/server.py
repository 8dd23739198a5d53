"""`ServerService`: information about the server, and replacement of weights."""

from dataclasses import replace

from leansieve.v1 import server_pb2
from prover.requests import Service
from service.contract.messages import info as info_messages
from service.handlers.calls import Call, Calls


class ServerHandlers:
    """Handles calls about the server."""

    def __init__(self, service: Service, batches: bool, calls: Calls) -> None:
        """Report on `service`, and on whether `batches` are supported."""
        self._service = service
        self._batches = batches
        self._calls = calls

    async def get_server_info(
        self, request: server_pb2.GetServerInfoRequest, call: Call
    ) -> server_pb2.GetServerInfoResponse:
        """Return versions, models, limits and load of the server."""
        async with self._calls.answering(call, quiet=True):
            return info_messages.to_proto(replace(await self._service.info(), store=self._batches))

    async def reload_model(self, request: server_pb2.ReloadModelRequest, call: Call) -> server_pb2.ReloadModelResponse:
        """Load new weights."""
        async with self._calls.answering(call):
            before = (await self._service.info()).models
            now = await self._service.reload()
            call.remarks.update(models=[model.name for model in now], changed=now != before)
            models = [info_messages.model_to_proto(model) for model in now]
            return server_pb2.ReloadModelResponse(models=models, changed=now != before)
