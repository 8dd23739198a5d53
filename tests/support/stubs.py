"""All calls of the contract over one channel."""

import grpc

from leansieve.v1.batch_pb2_grpc import BatchServiceStub
from leansieve.v1.check_pb2_grpc import ProofCheckServiceStub
from leansieve.v1.classroom_pb2_grpc import ClassroomServiceStub
from leansieve.v1.proof_search_pb2_grpc import ProofSearchServiceStub
from leansieve.v1.server_pb2_grpc import ServerServiceStub

SEARCH_SERVICE = "leansieve.v1.ProofSearchService"


_STUBS = (ProofSearchServiceStub, ProofCheckServiceStub, BatchServiceStub, ClassroomServiceStub, ServerServiceStub)


class Stubs(ProofSearchServiceStub, ProofCheckServiceStub, BatchServiceStub, ClassroomServiceStub, ServerServiceStub):
    """The methods of all services."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Call over `channel`."""
        for stub in _STUBS:
            stub.__init__(self, channel)  # type: ignore[misc, arg-type]
