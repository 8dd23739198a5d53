"""The services and methods of the contract, read from its descriptors."""

from google.protobuf.descriptor import MethodDescriptor, ServiceDescriptor

from leansieve.v1 import batch_pb2, check_pb2, classroom_pb2, proof_search_pb2, server_pb2

SERVICES: dict[str, ServiceDescriptor] = {
    service.full_name: service
    for file in (proof_search_pb2, check_pb2, batch_pb2, classroom_pb2, server_pb2)
    for service in file.DESCRIPTOR.services_by_name.values()
}
"""Services by full name, such as `leansieve.v1.ProofSearchService`."""

METHODS: dict[str, MethodDescriptor] = {
    method.name: method for service in SERVICES.values() for method in service.methods
}
"""Methods by name, which is unique among all services."""


def path_of(method: str) -> str:
    """Return the gRPC path of a method, such as `/leansieve.v1.ProofSearchService/Prove`."""
    return f"/{METHODS[method].containing_service.full_name}/{method}"
