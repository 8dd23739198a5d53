"""What Prometheus reads of a server: counters and histograms of its work, and a snapshot of its workers."""
