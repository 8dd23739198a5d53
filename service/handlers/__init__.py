"""The calls of the contract, whatever carries them: a request and its `Call` in, responses out, errors raised.

gRPC and HTTP call these handlers. None of them knows a connection.
"""
