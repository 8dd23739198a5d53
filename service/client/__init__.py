"""The client of a server: the same interface as the engine in this process."""
