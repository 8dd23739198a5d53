"""Models that remote `vllm serve` processes serve, with failover between them."""
