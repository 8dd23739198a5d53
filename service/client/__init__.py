"""The client of a server: the same protocol as the engine in this process."""
