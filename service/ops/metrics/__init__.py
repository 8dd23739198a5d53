"""Metrics of a server for Prometheus: counters and histograms of its work, and a snapshot of its workers."""
