"""Ports for servers that cannot choose and report one themselves."""

import socket


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])
