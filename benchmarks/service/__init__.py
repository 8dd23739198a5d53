"""Costs and robustness of the server, its clients and its batches."""
