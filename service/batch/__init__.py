"""Batches: many theorems proved in the background, independent of the lifetime of clients and servers."""
