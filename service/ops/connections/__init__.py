"""Connections to this server's ports: limits of their number, in total and by address, and time limits for silent
ones.
"""
