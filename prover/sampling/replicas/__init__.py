"""Replicas of engines on hosts of a cluster, behind one `ServingEngine`."""
