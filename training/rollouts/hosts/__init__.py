"""Sampling on the hosts of a Ray cluster, while the trainer stays on its machine."""
