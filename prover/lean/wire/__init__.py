"""The worker protocol (docs/worker-protocol.md): requests and answers as lines, and their framing."""
