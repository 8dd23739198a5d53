"""Batches: many theorems, proved in the background, surviving clients and servers that come and go."""
