"""Handlers of all calls of the contract, independent of the carrier: they take a request and its `Call`, return
responses and raise errors.

gRPC and HTTP call these handlers. No handler knows about connections.
"""
