"""Hosts of a Ray cluster, and a cluster on this machine."""
