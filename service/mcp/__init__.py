"""The Model Context Protocol over stdio and streamable HTTP, for coding agents.

Tools convert their arguments, call the `Service` and convert its answer; they decide nothing about proofs and never
edit a file.
"""
