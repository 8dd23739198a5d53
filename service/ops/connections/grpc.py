"""gRPC channel options for connections."""

from service.ops.config import ServerSettings
from service.ops.connections.guests import ConnectionBounds

_HANDSHAKE_SECONDS = 10.0
_IDLE_SECONDS = 600.0  # without a call; clients reconnect by themselves
_PROBE_SECONDS, _PROBE_ANSWER_SECONDS = 60.0, 20.0  # a client that was cut off never closes its connection


def options(settings: ServerSettings, room: ConnectionBounds) -> list[tuple[str, int]]:
    """Return gRPC's options for connections."""
    age = settings.connection_seconds
    return [
        ("grpc.max_allowed_incoming_connections", room.most),
        ("grpc.server_handshake_timeout_ms", round(1e3 * _HANDSHAKE_SECONDS)),
        ("grpc.max_connection_idle_ms", round(1e3 * _IDLE_SECONDS)),
        ("grpc.keepalive_time_ms", round(1e3 * _PROBE_SECONDS)),
        ("grpc.keepalive_timeout_ms", round(1e3 * _PROBE_ANSWER_SECONDS)),
        ("grpc.so_reuseport", 0),  # a second server on the same port is a mistake
        ("grpc.max_receive_message_length", settings.message_bytes),
        ("grpc.max_send_message_length", settings.message_bytes),
        *([] if age is None else [("grpc.max_connection_age_ms", round(1e3 * age))]),
    ]
