"""Replicas of engines on hosts of a cluster as one `ServingEngine`."""
